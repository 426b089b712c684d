"""What comes in and goes out: video, cameras and pictures with their clocks, label readers and writers, synthetic scenes."""
