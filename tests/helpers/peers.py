"""How good a peer is."""

import numpy as np

from prunetext.peers.made import Given, Made


def accuracy(given: Given, made: Made) -> float:
    """Accuracy on test."""
    test = given.texts["test"]
    predicted = made.predict(test.texts)
    assert made.model.answers(test.inputs).named(made.model.labels, several=False) == predicted
    return float(np.mean(np.array(predicted) == np.array(test.labels)))
