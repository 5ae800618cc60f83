"""Changes to the converter, gguf, transformers and torch, made in the process that runs them."""
