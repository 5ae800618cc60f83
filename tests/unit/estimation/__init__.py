"""Estimates: pure functions of a profile and load options."""
