"""GGUF files, whole and broken, and quantized bytes."""
