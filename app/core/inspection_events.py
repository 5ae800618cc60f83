"""Events about the contents of a model."""

from __future__ import annotations

import msgspec


class ModelInspected(msgspec.Struct, frozen=True, tag="inspected"):
    """The contents of a model.

    `document` is the JSON of an `app.gguf_file.model_contents.ModelContents`.
    """

    document: msgspec.Raw


class TemplateTried(msgspec.Struct, frozen=True, tag="template"):
    """The result of rendering a short conversation with a chat template.

    `warnings` describe suspicious parts, `problem` the reason why it can't be used; then
    `prompt` is empty.
    """

    prompt: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""
