"""The choice of tools that a reply may or must call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from app.core.errors import AppError, ErrorCode
from app.core.language import tr

ToolMode = Literal["none", "auto", "required"]
_Tools = list[dict[str, Any]]


@dataclass(frozen=True)
class ToolChoice:
    """A tool choice: the allowed tools (`only`; None: all), and the number of calls (None: any)."""

    must_call: bool = False
    only: tuple[str, ...] | None = None
    max_calls: int | None = None

    def among(self, tools: _Tools) -> _Tools:
        """Return the tools that the model is offered.

        Raises:
            AppError: `request_invalid` if a chosen tool does not exist.
        """
        names = [str(tool["function"]["name"]) for tool in tools]
        for name in self.only or ():
            if name not in names:
                reason = tr("there is no tool “{name}” to choose", name=name)
                raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        if self.must_call and not tools:
            reason = tr("a tool call is required, but there are no “tools”")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        if self.only is None:
            return tools
        return [tool for tool, name in zip(tools, names, strict=True) if name in self.only]


def tool_choice(
    mode: ToolMode | None, only: tuple[str, ...] | None, *, is_parallel: bool | None
) -> ToolChoice:
    """Return the choice for a mode; without one, the model decides whether it calls anything.

    A required call is the only one unless parallel calls are explicitly requested: small models
    would keep on calling endlessly.
    """
    if mode == "none":
        return ToolChoice(only=())
    if mode == "required":
        return ToolChoice(True, only, None if is_parallel else 1)
    return ToolChoice(False, only, 1 if is_parallel is False else None)
