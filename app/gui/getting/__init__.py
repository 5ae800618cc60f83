"""Get a model from the Hub: the row with its progress."""
