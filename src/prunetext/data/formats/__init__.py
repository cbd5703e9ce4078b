"""The formats of labelled and of plain texts, one reader each."""
