"""From a labelled source to train, dev and test examples."""
