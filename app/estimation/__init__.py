"""Predict a model's size, memory, fit, speed and quality before it is loaded."""
