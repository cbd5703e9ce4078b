"""The TextCNN family: texts, pairs of texts, one label or several, folded and packed."""
