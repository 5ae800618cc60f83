"""Damping of second moments, which keeps what few tokens tell from being trusted too much."""

DAMPING, MOST_DAMPING = 0.1, 2.0
"""What is added to the diagonal, as a share of its mean; doubled as long as it isn't enough."""
