"""Where frames come from: video files, pictures, MOTChallenge folders, cameras, streams, each with true times."""
