"""Pages that people look at, made of what runs and comparisons have written."""
