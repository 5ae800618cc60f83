"""The parts of the window that one walk goes through."""

from __future__ import annotations

PARTS = ("chat", "models", "hub", "convert", "measure", "settings")
_OF = {"chats": "chat", "model": "models", "options": "settings", "sharing": "settings"}


def part_of(place: str) -> str:
    """Return the part that a place belongs to, by the first word of its name."""
    first = place.replace(",", " ").split()[0]
    return _OF.get(first, first)
