"""The GGUF file format: headers read and written, tensor types, validation, model info."""
