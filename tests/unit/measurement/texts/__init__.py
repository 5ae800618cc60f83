"""Texts to calibrate and to measure with."""
