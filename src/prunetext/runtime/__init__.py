"""The deployed part: load a packed file and predict, with no third-party package."""
