"""Methods side by side at equal bytes, with the baselines that any of them has to beat."""
