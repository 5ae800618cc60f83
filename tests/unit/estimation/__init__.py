"""Estimates: pure functions over profile."""
