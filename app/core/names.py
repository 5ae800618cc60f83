"""Path sanitizer: every name from a repository, a file or the network goes through it."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath

from app.core.errors import AppError, ErrorCode

_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?$")
_FORBIDDEN = frozenset('<>:"|?*\\')
_LONGEST_PART_BYTES = 200
_UNWANTED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def is_safe_part(part: str) -> bool:
    """Return whether a path component is harmless on Linux, macOS and Windows."""
    return (
        part not in ("", ".", "..")
        and part == part.strip(" ")
        and not part.endswith(".")
        and len(part.encode("utf-8", "surrogatepass")) <= _LONGEST_PART_BYTES
        and unicodedata.normalize("NFC", part) == part
        and not any(c in _FORBIDDEN or c == "/" for c in part)
        and not any(unicodedata.category(c) in _UNWANTED_CATEGORIES for c in part)
        and not _RESERVED.match(part)
    )


def escapes_folder(untrusted_name: str) -> bool:
    """Return whether a name tries to escape its folder."""
    parts = re.split(r"[/\\]", untrusted_name)
    return "" in parts or "." in parts or ".." in parts


def safe_relative_path(untrusted_name: str) -> PurePosixPath:
    """Convert a name such as `folder/file.safetensors` to a relative path.

    Raises:
        AppError: `unsafe_name`, if a component is not `is_safe_part`.
    """
    parts = untrusted_name.split("/")
    if not all(is_safe_part(part) for part in parts):
        raise AppError(ErrorCode.UNSAFE_NAME, name=untrusted_name)
    return PurePosixPath(*parts)


def path_inside(folder: Path, untrusted_name: str) -> Path:
    """Return the path of `untrusted_name` below `folder`; no link may lead out of it.

    Raises:
        AppError: `unsafe_name`.
    """
    path = folder / safe_relative_path(untrusted_name)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise AppError(ErrorCode.UNSAFE_NAME, name=untrusted_name)
    return path


def without_accents(text: str) -> str:
    """Replace letters with accents by those without: “grüne” becomes “grune”."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def file_name_from(text: str, fallback: str = "model") -> str:
    """Make a file name from free text: replace unsafe characters with hyphens."""
    kept = "".join(c if c.isalnum() or c in "-_.+" else "-" for c in text)
    name = re.sub(r"-{2,}", "-", unicodedata.normalize("NFC", kept)).strip("-. ")[:120]
    return name if is_safe_part(name) else fallback
