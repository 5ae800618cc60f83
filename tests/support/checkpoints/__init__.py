"""Checkpoints, and llama.cpp's results to compare with."""
