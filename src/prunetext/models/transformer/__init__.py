"""Transformers: BERT and its kin."""
