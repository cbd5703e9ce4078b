"""Model files: what their headers say, how they are opened, and what can be done with them."""
