"""Events about what is in a model."""

from __future__ import annotations

import msgspec


class ModelInspected(msgspec.Struct, frozen=True, tag="inspected"):
    """What is in a model.

    `document` is the JSON of an `app.gguf_file.model_contents.ModelContents`.
    """

    document: msgspec.Raw


class TemplateTried(msgspec.Struct, frozen=True, tag="template"):
    """What a chat template makes of a short conversation.

    `warnings` say what is suspicious in it, `problem` why it can't be used; then there is no
    `prompt`.
    """

    prompt: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""
