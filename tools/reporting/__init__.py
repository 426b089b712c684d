"""Reports as files and plots."""
