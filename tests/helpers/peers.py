"""How good a peer is."""

import numpy as np

from prunetext.peers.made import Given, Made


def accuracy(given: Given, made: Made) -> float:
    """Accuracy on test."""
    test = given.texts["test"]
    return float(np.mean(np.array(made.predict(test.texts)) == np.array(test.labels)))
