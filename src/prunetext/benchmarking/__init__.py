"""Measure the size and speed of a packed file, beside the installed peers and two floors."""
