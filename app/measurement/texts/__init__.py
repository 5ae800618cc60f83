"""Texts to calibrate and to measure with: the built-in mix, and files of the user."""
