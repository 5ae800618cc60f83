"""Settings of one chat: its system prompt and sampling parameters, with their bounds and texts."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from app.core.language import tr
from app.core.option_fields import form_hints

RANDOM_SEED = 0xFFFFFFFF
LARGEST_TOKEN_LIMIT = 2**24
LONGEST_SYSTEM_PROMPT = 2**20
Probability = Annotated[float, Meta(ge=0, le=1)]
Temperature = Annotated[float, Meta(ge=0, le=5)]
TopK = Annotated[int, Meta(ge=-1, le=1_000_000)]
"""0 and -1 keep all tokens."""
RepeatPenalty = Annotated[float, Meta(ge=0.1, le=10)]


class ChatSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the user chose for a chat; None, or no text, leaves it to the model or the server."""

    system_prompt: Annotated[
        str,
        Meta(
            max_length=LONGEST_SYSTEM_PROMPT,
            title=tr("System prompt"),
            description=tr("Instructions that the model gets before this conversation."),
        ),
    ] = ""
    temperature: Annotated[
        Temperature | None,
        form_hints(step=0.05),
        Meta(
            title=tr("Temperature"),
            description=tr("Higher is more varied; 0 always takes the most likely token."),
        ),
    ] = None
    top_p: Annotated[
        Probability | None,
        form_hints(step=0.05),
        Meta(
            title=tr("Top-p"),
            description=tr("Keep the most likely tokens that together reach this probability."),
        ),
    ] = None
    top_k: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)] | None,
        form_hints(step=1),
        Meta(title=tr("Top-k"), description=tr("Number of likely tokens to keep; 0: all.")),
    ] = None
    min_p: Annotated[
        Probability | None,
        form_hints(step=0.01),
        Meta(
            title=tr("Min-p"),
            description=tr("Drop tokens less likely than this share of the most likely one."),
        ),
    ] = None
    repeat_penalty: Annotated[
        RepeatPenalty | None,
        form_hints(step=0.05),
        Meta(
            title=tr("Repeat penalty"),
            description=tr("Above 1, tokens that were used recently become less likely."),
        ),
    ] = None
    max_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=LARGEST_TOKEN_LIMIT)] | None,
        form_hints(step=64),
        Meta(title=tr("Max tokens"), description=tr("Longest reply, in tokens.")),
    ] = None
    seed: Annotated[
        Annotated[int, Meta(ge=0, le=RANDOM_SEED - 1)] | None,
        form_hints(step=1),
        Meta(
            title=tr("Seed"),
            description=tr("The same seed and messages give the same reply."),
        ),
    ] = None

    def over(self, defaults: ChatSettings) -> ChatSettings:
        """Return these settings, with those of `defaults` where nothing was chosen."""
        chosen = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) not in (None, "")
        }
        return msgspec.structs.replace(defaults, **chosen)


NOTHING_CHOSEN = ChatSettings()
