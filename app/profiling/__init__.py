"""Collects the facts that estimates need: trial loads, benchmarks, samples of the weights."""
