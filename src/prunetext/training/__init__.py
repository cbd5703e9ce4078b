"""The one training loop, and the judging of its results."""
