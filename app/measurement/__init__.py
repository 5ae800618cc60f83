"""Measure a model: how well it predicts a text, its speed, its memory."""
