"""Get a model from the Hub with one button; a list of first models."""
