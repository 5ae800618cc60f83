"""Conversion of a repository while it is being downloaded; its weights are never stored."""
