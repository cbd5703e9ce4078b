"""From a pruned float model to the packed file."""
