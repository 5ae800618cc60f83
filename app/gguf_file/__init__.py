"""The GGUF file format: reading and writing headers, tensor types, validation, model info."""
