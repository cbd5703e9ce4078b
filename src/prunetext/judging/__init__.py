"""How good a model is, alone or beside another one, and how fast."""
