"""The verb `read-vocabulary`: what it makes without torch is what a conversion writes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.conversion.converter.installation import converter_folder
from app.conversion.converter.transformers_choice import transformers_for
from app.conversion.converter.vocabulary_prefetch import (
    VERB,
    ConvertedVocabulary,
    VocabularyPrefetch,
)
from app.core.errors import ErrorCode
from app.core.event_lines import encode
from app.core.events import Begin, Failed
from app.core.settings import Settings
from app.jobs.outcome import EXIT_FAILED
from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.machine.verbs import Child, run_verb, started

pytestmark = pytest.mark.slow


@pytest.fixture
def folder_of_converter(converter: Path) -> Path:
    return converter_folder(Settings())


def begin(child: Child, checkpoint: Path) -> int:
    for beginning in (transformers_for(checkpoint), str(checkpoint)):
        child.stdin.write(encode(Begin(beginning)))
    child.stdin.flush()
    return child.end()


@pytest.mark.parametrize("configuration", ["", "Gemma3TextConfig", "MambaConfig", "GPT2Config"])
def test_the_entries_are_those_of_the_converted_file(
    configuration: str, tmp_path: Path, folder_of_converter: Path
) -> None:
    folder = tmp_path / "tiny"
    if configuration:
        make_checkpoint(configuration, folder)
    else:
        make_tiny_checkpoint(folder, layers=1)
    made = tmp_path / "made.gguf"
    written = run_verb("convert", str(folder), "--level", "F16", "--to", str(made))
    assert written.status == 0, written.complaints
    with started(VERB, str(folder_of_converter), str(tmp_path / "vocabulary")) as child:
        assert begin(child, folder) == 0, child.log()
    content = (tmp_path / "vocabulary").read_bytes()
    entries = msgspec.msgpack.decode(content, type=ConvertedVocabulary).entries
    assert {"general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.tokens"} <= set(entries)
    beginning = made.read_bytes()
    assert [key for key, entry in entries.items() if entry not in beginning] == []


def test_a_checkpoint_without_tokenizer_is_refused(
    tmp_path: Path, folder_of_converter: Path
) -> None:
    folder = make_tiny_checkpoint(tmp_path / "tiny", layers=1)
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with started(VERB, str(folder_of_converter), str(tmp_path / "vocabulary")) as child:
        assert begin(child, folder) == EXIT_FAILED
    (failed,) = [event for event in child.events if isinstance(event, Failed)]
    assert failed.code is ErrorCode.CONVERTER_FAILED


def test_without_a_child_and_after_its_failure_there_is_none(
    tmp_path: Path, folder_of_converter: Path
) -> None:
    with VocabularyPrefetch() as vocabulary:
        assert vocabulary.wait() is None
        vocabulary.start(folder_of_converter)
        vocabulary.read_with("pinned")
        vocabulary.begin(tmp_path)
        assert vocabulary.wait() is None
        # Who leaves before it was asked for anything leaves no child.
        vocabulary.start(folder_of_converter)
