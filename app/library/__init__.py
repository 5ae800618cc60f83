"""The GGUF files that a person has: what they are and where they lie."""
