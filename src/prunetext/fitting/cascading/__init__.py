"""A TextCNN and a transformer as one model: how unsure the first must be for a text to go on, and what that gives."""
