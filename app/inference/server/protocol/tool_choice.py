"""Which of the offered tools a reply may call, and whether it must call one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from app.core.errors import AppError, ErrorCode

ToolMode = Literal["none", "auto", "required"]
_Tools = list[dict[str, Any]]


@dataclass(frozen=True)
class ToolChoice:
    """A choice: among which tools (`only`; None: all), and how many calls (None: any number)."""

    must_call: bool = False
    only: tuple[str, ...] | None = None
    most_calls: int | None = None

    def among(self, tools: _Tools) -> _Tools:
        """The tools that the model is offered.

        Raises:
            AppError: `request_invalid` when a tool is chosen that there is not.
        """
        names = [str(tool["function"]["name"]) for tool in tools]
        for name in self.only or ():
            if name not in names:
                reason = f"there is no tool “{name}” to be chosen"
                raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        if self.must_call and not tools:
            reason = "a call is required and there are no “tools”"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        if self.only is None:
            return tools
        return [tool for tool, name in zip(tools, names, strict=True) if name in self.only]


def tool_choice(
    mode: ToolMode | None, only: tuple[str, ...] | None, *, is_parallel: bool | None
) -> ToolChoice:
    """The choice for a mode; without one, the model decides whether it calls anything.

    A required call is the only one unless parallel calls are asked for in so many words: small
    models would go on calling without end.
    """
    if mode == "none":
        return ToolChoice(only=())
    if mode == "required":
        return ToolChoice(True, only, None if is_parallel else 1)
    return ToolChoice(False, only, 1 if is_parallel is False else None)
