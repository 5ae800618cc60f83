"""Checkpoints and what is compared with them."""
