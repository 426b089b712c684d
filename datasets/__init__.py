"""What comes in and goes out: video, cameras and pictures with their clocks, label files, synthetic scenes."""
