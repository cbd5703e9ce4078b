"""The one training loop, and how its results are judged."""
