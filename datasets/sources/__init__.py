"""Frame sources: video files, images, MOTChallenge folders, cameras and streams, each with true times."""
