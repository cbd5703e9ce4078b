"""Word vectors: read from files of every usual kind, or trained on texts."""
