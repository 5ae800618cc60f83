"""The user's GGUF files and downloaded checkpoints."""
