"""Measure how good a model is, alone or beside another one, and how fast."""
