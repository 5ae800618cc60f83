"""Compare the levels of a model: quality, speed and memory, with plots."""
