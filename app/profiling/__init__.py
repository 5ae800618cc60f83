"""Collect what estimates need: dry loads, benchmarks, samples of the weights."""
