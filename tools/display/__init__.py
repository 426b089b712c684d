"""What people see: drawing, the window, the video."""
