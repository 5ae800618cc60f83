"""llama.cpp's names of the tensors outside layers that are treated unlike others."""

EMBEDDING = "token_embd.weight"
OUTPUT = "output.weight"
"""Absent where the embedding is the output, too."""
