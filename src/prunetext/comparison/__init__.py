"""Compare methods at equal bytes, with the baselines that each must beat."""
