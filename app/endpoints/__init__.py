"""Endpoints: OpenAI-compatible servers that the user has added, and their models."""
