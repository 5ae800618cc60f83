"""Levels of a model with their sizes and predictions, to choose from."""
