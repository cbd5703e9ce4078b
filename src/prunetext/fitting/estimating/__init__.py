"""prunetext as an estimator of scikit-learn."""
