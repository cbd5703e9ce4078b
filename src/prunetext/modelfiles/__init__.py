"""Model files: read their headers, open them, and use them."""
