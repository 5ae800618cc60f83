"""Plots: their geometry in plain Python, and how they are drawn."""
