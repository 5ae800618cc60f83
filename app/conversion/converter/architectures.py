"""Read the supported architectures from the converter's source: importing it takes seconds."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from app.core.errors import AppError, ErrorCode

_OLD_MAMBA = "ssm_cfg"
"""A field that configurations of the first Mamba models have instead of a name."""
_LISTS = {"TEXT_MODEL_MAP": "text", "MMPROJ_MODEL_MAP": "projector"}


def require_known_architecture(
    config: dict[str, Any], converter: Path, *, is_projector: bool
) -> str:
    """Return the architecture in a checkpoint's configuration, if the converter supports it.

    A converter whose lists are not where they are expected is asked later.

    Raises:
        AppError: `architecture_unnamed`, `architecture_unsupported`, `projector_missing`.
    """
    names = _names_in(config)
    if not names and _OLD_MAMBA not in config:
        raise AppError(ErrorCode.ARCHITECTURE_UNNAMED)
    wanted = "projector" if is_projector else "text"
    known = known_architectures(converter).get(wanted)
    fitting = [name for name in names if known is None or name in known]
    if fitting or not names:
        return next(iter(fitting), "")
    if is_projector:
        raise AppError(ErrorCode.PROJECTOR_MISSING, architecture=names[0])
    raise AppError(ErrorCode.ARCHITECTURE_UNSUPPORTED, architecture=names[0])


def _names_in(config: dict[str, Any]) -> list[str]:
    """Return the architecture of the model as a whole, and those of its sub-models."""
    parts = [config, *(value for value in config.values() if isinstance(value, dict))]
    lists = [part.get("architectures") for part in parts]
    return [names[0] for names in lists if isinstance(names, list) and names]


def known_architectures(converter: Path) -> dict[str, dict[str, str]]:
    """Return the architectures of language models (`text`) and of projectors, with their modules.

    Nothing where the converter's lists are not where they are expected.
    """
    try:
        source = (converter / "conversion" / "__init__.py").read_text("utf-8", "replace")
        assignments = [node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign)]
        return {
            _LISTS[node.target.id]: ast.literal_eval(node.value)
            for node in assignments
            if isinstance(node.target, ast.Name) and node.target.id in _LISTS and node.value
        }
    except (OSError, SyntaxError, ValueError):
        return {}
