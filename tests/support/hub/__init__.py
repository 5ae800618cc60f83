"""A Hub on loopback."""
