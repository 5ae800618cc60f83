"""Markdown from a model, shown without trusting it: nothing is loaded, nothing freezes."""
