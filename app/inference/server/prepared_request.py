"""Prepare requests for replies: tokenized prompts, sampling, grammars and reply readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import msgspec

from app.core.chat_settings import RANDOM_SEED
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.prompts.chat_template import ChatTemplate, Prompt
from app.inference.prompts.rendering import ChatInput
from app.inference.replies.reply_reader import ReplyFormat, ReplyReader
from app.inference.sampling.constraints import Constraints
from app.inference.sampling.parameters import SamplingParameters
from app.inference.schemas.lark import json_grammar
from app.inference.server.completions.chat_request import ChatRequest
from app.inference.server.completions.text_request import CompletionRequest
from app.inference.server.metrics import Metrics
from app.inference.server.preparation_threads import LONG_BYTES, Preparation
from app.inference.server.protocol.generation_request import GenerationRequest, decode_with_unknown
from app.inference.server.responses.request import ResponseRequest
from app.inference.session.engine_thread import EngineThread
from app.inference.session.generation import Generation
from app.inference.tokens.vocabulary import Vocabulary

_LIGHT_GRAMMAR_BYTES = 8 * 1024


@dataclass(frozen=True)
class ServedModel:
    """The served model: its engine, prompt and reply formats, name and key."""

    engine: EngineThread
    vocabulary: Vocabulary
    template: ChatTemplate
    format: ReplyFormat
    constraints: Constraints
    sampling: SamplingParameters
    name: str
    context_tokens: int
    created: int
    key: str
    metrics: Metrics = field(default_factory=Metrics)
    preparation: Preparation = field(default_factory=Preparation)


@dataclass(frozen=True)
class ReplyTask:
    """A reply to generate, and its reader; without a reader it is plain text."""

    generation: Generation
    make_reader: Callable[[], ReplyReader] | None = None
    max_calls: int | None = None
    fallback_reason: str = ""
    repeats_prompt: bool = False


@dataclass(frozen=True)
class PreparedRequest:
    """A request: its decoded body, its replies in order, and its unknown fields."""

    request: GenerationRequest
    tasks: list[ReplyTask]
    ignored: list[str]


@dataclass(frozen=True)
class _ReplyRequest:
    """A prompt with the settings of its replies; `grammar` is llguidance's."""

    prompt: Prompt | list[int]
    sampling: SamplingParameters
    grammar: str = ""
    make_reader: Callable[[], ReplyReader] | None = None
    max_calls: int | None = None


def read_request(model: ServedModel, kind: type[GenerationRequest], body: bytes) -> PreparedRequest:
    """Decode a body and prepare its prompts; refuse early those that can't fit.

    Raises:
        AppError: `request_invalid` or `context_full`.
    """
    request, ignored = decode_with_unknown(body, kind)
    is_long = len(body) > LONG_BYTES
    tasks = []
    for reply, number in product(_reply_requests(model, request), range(request.count())):
        if number == 0:
            tokens = _tokens(model, reply.prompt)
        generation = _generation(request, reply, tokens, number)
        if reply.grammar:
            generation.constraint = model.constraints.make(reply.grammar)
        generation.is_heavy = is_long or _is_heavy(request, reply.grammar)
        fallback = reply.prompt.fallback_reason if isinstance(reply.prompt, Prompt) else ""
        task = ReplyTask(generation, reply.make_reader, reply.max_calls, fallback, number > 0)
        tasks.append(task)
    return PreparedRequest(request, tasks, [*ignored, *request.unsupported_tools()])


def _reply_requests(model: ServedModel, request: GenerationRequest) -> Iterator[_ReplyRequest]:
    if isinstance(request, ChatRequest | ResponseRequest):
        yield _chat_reply(model, request)
    elif isinstance(request, CompletionRequest):
        schema = request.requested_schema()
        grammar = "" if schema is None else json_grammar(schema)
        sampling = _sampling(model, request, has_end=bool(grammar))
        for prompt in request.prompts():
            yield _ReplyRequest(
                Prompt(prompt) if isinstance(prompt, str) else prompt, sampling, grammar
            )


def _chat_reply(model: ServedModel, request: ChatRequest | ResponseRequest) -> _ReplyRequest:
    conversation, choice = request.conversation(), request.choice()
    _require_user_texts_fit(model, conversation)
    prompt, tools = model.template.render(conversation), conversation.tools
    grammar, schema = "", request.requested_schema()
    if choice.must_call:
        if request.grammar:
            reason = tr("a required tool call can't be combined with “grammar”")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        grammar = model.format.call_grammar(prompt.text, tools, choice.max_calls)
    elif schema is not None:
        grammar = model.format.json_grammar(prompt.text, schema)
    sampling = _sampling(model, request, has_end=bool(grammar))
    thoughts = request.reasoning_format or "deepseek"
    make_reader = partial(model.format.reader, prompt.text, tools, thoughts)
    return _ReplyRequest(prompt, sampling, grammar, make_reader, choice.max_calls)


def _require_user_texts_fit(model: ServedModel, conversation: ChatInput) -> None:
    """Refuse a conversation whose user messages alone can't fit in the context.

    Templates may omit other messages, and the white space around a text.
    """
    if model.template.keeps_texts:
        said = (m["content"].strip() for m in conversation.messages if m["role"] == "user")
        _require_room(model, sum(map(model.vocabulary.min_tokens, said)))


def _require_room(model: ServedModel, tokens: int) -> None:
    if tokens >= model.context_tokens:
        raise AppError(ErrorCode.CONTEXT_FULL, tokens=tokens, context=model.context_tokens)


def _tokens(model: ServedModel, prompt: Prompt | list[int]) -> list[int]:
    if isinstance(prompt, list):
        model.vocabulary.require_known(prompt)
        return prompt
    _require_room(model, model.vocabulary.min_tokens(prompt.text))
    return model.vocabulary.tokenize_prompt(prompt.text, prompt.untrusted)


def _sampling(
    model: ServedModel, request: GenerationRequest, *, has_end: bool
) -> SamplingParameters:
    sampling = request.sampling(model.sampling)
    changes: dict[str, object] = {
        name: model.context_tokens
        for name in ("penalty_last_n", "dry_penalty_last_n")
        if getattr(sampling, name) < 0
    }
    if request.ignore_eos:
        if sampling.grammar or has_end:
            reason = tr("“ignore_eos” can't be combined with a grammar or response format")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        never = dict.fromkeys(model.vocabulary.eog_tokens(), float("-inf"))
        changes["logit_bias"] = sampling.logit_bias | never
    return msgspec.structs.replace(sampling, **changes)


def _generation(
    request: GenerationRequest, reply: _ReplyRequest, tokens: list[int], number: int
) -> Generation:
    sampling = reply.sampling
    if number and sampling.seed != RANDOM_SEED:
        # As in llama-server: with the same seed, all replies would be the same.
        seed = (sampling.seed + number) % RANDOM_SEED
        sampling = msgspec.structs.replace(sampling, seed=seed)
    stops = reply.prompt.stops if isinstance(reply.prompt, Prompt) else ()
    return Generation(
        prompt=tokens,
        sampling=sampling,
        max_tokens=request.token_limit(),
        stops=(*request.stops(), *stops),
        overflow=request.overflow(),
        probabilities=request.top_logprobs_count(),
    )


def _is_heavy(request: GenerationRequest, grammar: str) -> bool:
    """Return whether its grammar may be slow; the size of a client's own grammar says little."""
    return bool(request.grammar) or len(grammar) > _LIGHT_GRAMMAR_BYTES
