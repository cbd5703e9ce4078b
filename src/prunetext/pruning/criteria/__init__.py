"""Criteria: they score the units that can be pruned."""
