"""One run from data to a packed file: plan, train, prune, pack, judge; or start from an earlier run."""
