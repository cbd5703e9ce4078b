"""What scores the units that may be pruned."""
