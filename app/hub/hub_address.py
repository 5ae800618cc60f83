"""Addresses of the Hub: `huggingface.co`, or the mirror that `HF_ENDPOINT` names."""

from __future__ import annotations

import os
from urllib.parse import quote

_PUBLIC_HUB = "https://huggingface.co"


def hub_endpoint() -> str:
    """Return the address of the Hub without a trailing slash."""
    chosen = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/")
    if not chosen:
        return _PUBLIC_HUB
    return chosen if "://" in chosen else f"https://{chosen}"


def is_public_hub() -> bool:
    """Return whether the Hub in use is `huggingface.co` itself."""
    return hub_endpoint() == _PUBLIC_HUB


def file_address(endpoint: str, repository: str, commit: str, path: str) -> str:
    """Return the address of a file at a commit."""
    return f"{endpoint}/{repository}/resolve/{commit}/{quote(path)}"
