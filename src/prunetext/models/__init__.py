"""The trainable models; each declares its prunable groups."""
