"""Replies in Markdown, as rich text: parsing, writing and highlighting."""
