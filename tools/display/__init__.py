"""Display: drawing, the window, and video output."""
