"""Run the converter without torch, for tokenizers only.

To import torch takes longer than all else that a tokenizer needs.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from importlib.machinery import ModuleSpec
from types import ModuleType


class _AbsentTorch(ModuleType):
    """A stand-in for torch: every attribute is an empty class that can't be used."""

    inference_mode = nullcontext

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {})
        setattr(self, name, made)
        return made


def do_without_torch() -> None:
    """Keep this process from importing torch; must come before anything imports it.

    What needs it after all, a submodule or a function, fails with an exception.
    """
    absent = _AbsentTorch("torch")
    # Code that only looks for torch reads this attribute, too.
    absent.__spec__ = ModuleSpec("torch", None)
    sys.modules["torch"] = absent
