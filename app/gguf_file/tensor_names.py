"""llama.cpp's names of the tensors outside layers that are treated unlike others."""

EMBEDDING = "token_embd.weight"
"""The matrix with a row for each token of the vocabulary."""
OUTPUT = "output.weight"
"""Absent where the embedding is the output, too."""
