"""Estimates: pure functions over facts."""
