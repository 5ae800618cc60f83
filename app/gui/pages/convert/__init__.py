"""Wizard that converts a checkpoint to GGUF."""
