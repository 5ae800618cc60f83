"""Choosing the next token: sampling parameters, grammars and constraints."""
