"""Tokens: text to tokens and back, and batches of tokens through the model."""
