"""One run from data to a packed file: plan it, train, prune, pack, judge; and again from an earlier run."""
