"""Hugging Face checkpoints on disk: their files, checked before a conversion."""
