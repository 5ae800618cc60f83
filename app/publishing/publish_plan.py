"""The plan of a publication: the repository, the files with their names in it, and the card."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, NoticeReported
from app.core.language import tr
from app.core.names import without_accents
from app.core.publish_events import CARD_NAME, PublishedFile, PublishPlanned
from app.gguf_file.header_reader import Header
from app.gguf_file.model_info import facts_of
from app.gguf_file.type_recipe import recipe_of
from app.hub.hub_address import hub_endpoint
from app.hub.reference import parse_reference
from app.hub.repository import RepositoryFile
from app.library.conversion_records import ConversionRecords
from app.library.verification import checksums_of
from app.measurement.store import StoredMeasurement, stored_measurement
from app.publishing.hub_uploader import HubUploader, HubUser
from app.publishing.published_card import (
    CardFacts,
    CardModel,
    CardQuality,
    base_model_in,
    card_text,
    is_own_card,
)
from app.publishing.published_files import LocalFile, LocalModel

Report = Callable[[Event], None]
_SUFFIX = "-GGUF"
_NOT_IN_NAMES = re.compile(r"(?:[^A-Za-z0-9._]|\.{2,})+")
_LONGEST_NAME = 80


@dataclass(frozen=True)
class PublishRequest:
    """What the user wants to publish, and where; texts that are empty are found out.

    Without a `repository`, it is named after the first model and belongs to the user.
    """

    models: tuple[LocalModel, ...]
    repository: str = ""
    is_public: bool = False
    base_model: str = ""
    license: str = ""
    replaces_card: bool = False

    @property
    def files(self) -> tuple[LocalFile, ...]:
        """The files of all models."""
        return tuple(file for model in self.models for file in model.files)


def plan_publication(
    request: PublishRequest, uploader: HubUploader, report: Report
) -> PublishPlanned:
    """Look at the repository, and say what will be sent; nothing is changed.

    Raises:
        AppError: `token_read_only`, `publishing_refused`, `repository_public`, and what
            `HubUploader` raises.
    """
    user = uploader.user()
    if not user.may_write:
        raise AppError(ErrorCode.TOKEN_READ_ONLY)
    repository = request.repository or _usual_repository(request, user)
    _require_own(repository, user)
    there = uploader.find(repository)
    if there is not None and not there.is_private and not request.is_public:
        raise AppError(ErrorCode.REPOSITORY_PUBLIC, repository=repository)
    found = there.files if there else {}
    earlier = ""
    if there is not None and CARD_NAME in found:
        earlier = uploader.read_text(repository, there.commit, CARD_NAME)
    keeps_card = bool(earlier) and not is_own_card(earlier) and not request.replaces_card
    base_model = _base_model(request, repository, earlier)
    if keeps_card:
        report(NoticeReported(NoticeCode.CARD_KEPT, {"repository": repository}))
    elif not base_model:
        report(NoticeReported(NoticeCode.BASE_MODEL_UNKNOWN))
    facts = _facts(request, base_model, repository)
    return PublishPlanned(
        repository=repository,
        address=f"{hub_endpoint()}/{repository}",
        is_private=there.is_private if there else not request.is_public,
        exists=there is not None,
        files=_files(request.files, found, report),
        card="" if keeps_card else card_text(facts, earlier, found),
        base_model=base_model,
        license=facts.license,
        owners=user.owners,
    )


def _require_own(repository: str, user: HubUser) -> None:
    """Check that the repository belongs to the user or to an organization of theirs."""
    owner = repository.partition("/")[0]
    if owner.casefold() not in map(str.casefold, user.owners):
        raise AppError(
            ErrorCode.PUBLISHING_REFUSED,
            repository=repository,
            reason=tr("“{owner}” is neither you nor an organization of yours", owner=owner),
            owners=", ".join(user.owners),
        )


def _usual_repository(request: PublishRequest, user: HubUser) -> str:
    named = without_accents(request.models[0].info.name)
    name = _NOT_IN_NAMES.sub("-", named).removesuffix(_SUFFIX)
    return f"{user.owners[0]}/{name[:_LONGEST_NAME].strip('-._') or 'model'}{_SUFFIX}"


def _base_model(request: PublishRequest, repository: str, earlier: str) -> str:
    """Return the repository that the models were made from; empty if it is unknown."""
    if request.base_model:
        return request.base_model
    records = ConversionRecords()
    for model in request.models:
        record = records.of(model.info.path)
        named = record.repository if record else facts_of(list(model.headers)).origin
        try:
            found = parse_reference(named).repository
        except AppError:
            continue
        if found != repository:
            return found
    return base_model_in(earlier)


def _files(
    files: Sequence[LocalFile], there: Mapping[str, RepositoryFile], report: Report
) -> tuple[PublishedFile, ...]:
    alike = [file.path for file in files if _has_size_of(file, there)]
    sha256 = dict(zip(alike, checksums_of(alike, report), strict=True)) if alike else {}
    return tuple(
        PublishedFile(
            file.name,
            file.size_bytes,
            file.path in sha256 and sha256[file.path] == there[file.name].sha256,
        )
        for file in files
    )


def _has_size_of(file: LocalFile, there: Mapping[str, RepositoryFile]) -> bool:
    return file.name in there and there[file.name].size_bytes == file.size_bytes


def _facts(request: PublishRequest, base_model: str, repository: str) -> CardFacts:
    first = request.models[0].first
    records = ConversionRecords()
    return CardFacts(
        title=repository.partition("/")[2],
        base_model=base_model,
        is_adapter=_text(first, "general.type") == "adapter",
        license=request.license or _text(first, "general.license"),
        license_name="" if request.license else _text(first, "general.license.name"),
        license_link="" if request.license else _text(first, "general.license.link"),
        languages=_texts(first, "general.languages"),
        pipeline_tag=_pipeline_tag(request.models),
        models=tuple(_card_model(model, records) for model in request.models),
    )


def _pipeline_tag(models: Sequence[LocalModel]) -> str:
    if any(model.first.metadata.get("clip.has_vision_encoder") for model in models):
        return "image-text-to-text"
    info = models[0].info
    if not info.vocabulary:
        return ""
    return "text-generation" if info.is_causal else "feature-extraction"


def _card_model(model: LocalModel, records: ConversionRecords) -> CardModel:
    headers = list(model.headers)
    stored, record = stored_measurement(model.info.path), records.of(model.info.path)
    return CardModel(
        name=model.files[0].name,
        level=model.label,
        size_bytes=model.info.size_bytes,
        bits_per_weight=facts_of(headers).bits_per_weight,
        quality=_quality(stored) if stored else None,
        command=shlex.join(record.command) if record else "",
        compared=record.compared if record else None,
        importance_matrix=_text(model.first, "quantize.imatrix.file"),
        types=recipe_of(tensor for header in headers for tensor in header.tensors),
        is_projector=model.is_projector,
    )


def _quality(stored: StoredMeasurement) -> CardQuality | None:
    compared = stored.comparison
    if stored.perplexity is None:
        return None
    if compared is None:
        return CardQuality(stored.perplexity, str(stored.text))
    return CardQuality(
        stored.perplexity,
        str(stored.text),
        compared.mean,
        str(compared.text),
        Path(compared.reference).name,
    )


def _text(header: Header, key: str) -> str:
    return next(iter(_texts(header, key)), "")


def _texts(header: Header, key: str) -> tuple[str, ...]:
    value = header.metadata.get(key)
    values = value if isinstance(value, tuple) else (value,)
    return tuple(one for one in values if isinstance(one, str))
