"""The wizard from a checkpoint to GGUF."""
