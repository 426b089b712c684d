"""What a person knows about a recording, kept by the links."""
