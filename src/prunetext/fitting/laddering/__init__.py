"""One run as several models, each faster than the one before."""
