"""`gristmill serve`: an OpenAI-compatible server for one model, on loopback, with a key."""

from __future__ import annotations

import argparse
import secrets
import time
from typing import TYPE_CHECKING

from app.cli.values import address, layer_count, port_number, positive
from app.core.errors import NoticeCode
from app.core.events import Noticed, Ready
from app.core.settings import Settings, load_settings
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.inference.loading import LoadWishes
    from app.library.facts import ModelFacts

NAME = "serve"
_SLOTS = 4
HELP = "Offer a model to this machine's programs through an OpenAI-compatible server."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", help="a .gguf file, or a name that “gristmill models” lists")
    parser.add_argument("--port", type=port_number, default=0, help="default: a free one")
    parser.add_argument(
        "--slots", type=positive, default=_SLOTS, metavar="N", help="replies at once; default: 4"
    )
    parser.add_argument(
        "--worker",
        action="append",
        type=address,
        default=[],
        metavar="HOST:PORT",
        help="a “gristmill worker” whose devices take layers, too; may repeat",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="web pages of this origin may ask, such as http://localhost:3000; may repeat",
    )
    add_load_arguments(parser)


def add_load_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how a model is loaded; what is not given comes from the settings."""
    parser.add_argument("--context", type=positive, metavar="N", help="tokens the model sees")
    parser.add_argument(
        "--gpu-layers", type=layer_count, metavar="N|auto", help="layers on the graphics card"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="while a reply is written")
    parser.add_argument("--threads-batch", type=positive, metavar="N", help="while it is read")
    parser.add_argument("--flash-attention", choices=("auto", "on", "off"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Load the model and answer until stopped."""
    from app.inference.prompt import ChatTemplate
    from app.inference.reply import ReplyFormat
    from app.inference.sampling import default_sampling
    from app.inference.server import ServedModel, listen, serve
    from app.inference.worker import EngineThread
    from app.library.facts import facts_of, read_headers
    from app.library.index import find_model
    from app.library.sanity import require_sane

    settings, notice = load_settings()
    if notice:
        reporter.report(notice)
    headers = read_headers(find_model(arguments.model, settings.searched_paths()))
    require_sane(headers[0])
    facts = facts_of(headers)
    listener = listen(arguments.port)
    wishes = _wishes(arguments, settings, facts, reporter)
    engine = EngineThread(wishes, reporter.report)
    session = engine.load()
    vocabulary = session.vocabulary
    controls = vocabulary.control_texts()
    template = ChatTemplate(
        facts.chat_template,
        vocabulary.begin_text(),
        vocabulary.end_text(),
        tuple(controls),
        lambda reason: reporter.report(Noticed(NoticeCode.TEMPLATE_FALLBACK, {"reason": reason})),
    )
    replies = ReplyFormat(template.source)
    vocabulary.show(replies.shown_tokens(controls))
    name = facts.name.encode("utf-8", "replace").decode()
    ready = Ready(
        url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        key=secrets.token_hex(32),
        model=name,
        level=facts.level,
        context=session.context_tokens,
        gpu_layers=session.gpu_layers,
        threads=session.threads,
    )
    served = ServedModel(
        engine=engine,
        template=template,
        format=replies,
        sampling=default_sampling(headers[0].metadata),
        name=name,
        context_tokens=session.context_tokens,
        created=int(time.time()),
        key=ready.key,
    )
    origins = frozenset(arguments.allow_origin)
    serve(served, listener, origins, lambda: reporter.report(ready))


def _wishes(
    arguments: argparse.Namespace, settings: Settings, facts: ModelFacts, reporter: Reporter
) -> LoadWishes:
    from app.inference.loading import LoadWishes
    from app.inference.probe import engine_setting

    layers = settings.gpu_layers if arguments.gpu_layers is None else arguments.gpu_layers
    return LoadWishes(
        model=facts.path,
        layers=facts.layers,
        context=arguments.context or settings.context,
        trained_context=facts.context,
        gpu_layers=None if layers == "auto" else layers,
        threads=arguments.threads or settings.threads,
        threads_batch=arguments.threads_batch or settings.threads_batch,
        flash_attention=arguments.flash_attention or settings.flash_attention,
        slots=arguments.slots,
        workers=tuple(arguments.worker),
        reads_at_once=not facts.is_causal,
        has_extra_buffers=engine_setting(reporter.report).has_extra_buffers,
    )
