"""Metrics, intervals, verdicts, calibration and thresholds; no torch."""
