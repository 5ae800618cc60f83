"""Import transformers without torch, and make its tokenizers faithful to their files.

Its tokenizers and configurations are all that the converter uses.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any


@functools.cache
def import_transformers() -> None:
    """Import transformers; must be called before anything else imports it.

    With torch in sight a configuration imports its models, their kernels and torch's compilers, for
    longer than all the rest takes.
    """
    find = importlib.util.find_spec

    def find_other(name: str, package: str | None = None) -> Any:
        return None if name == "torch" else find(name, package)

    importlib.util.find_spec = find_other
    try:
        from transformers.utils import is_torch_available

        # It keeps the answer that it found first.
        is_torch_available()
    finally:
        importlib.util.find_spec = find
    _look_through_models_once()
    _ask_for_vocabularies_once()
    _keep_to_tokenizer_files()


def _look_through_models_once() -> None:
    """Make transformers cache its scan of its own models' files, as intended.

    It looks through more than a thousand of them, then does so again, because it names their folder
    in another way (`define_import_structure` in utils/import_utils.py).
    """
    from transformers.utils import import_utils

    find = import_utils.create_import_structure_from_path

    def find_once(place: str | Path) -> Any:
        folder = Path(place)
        return find(folder.parent if folder.name == "__init__.py" else folder)

    import_utils.create_import_structure_from_path = find_once


def _ask_for_vocabularies_once() -> None:
    """Cache a tokenizer's vocabulary until its number of tokens changes.

    The converter asks for it three times, and it is made anew each time.
    """
    from transformers import PreTrainedTokenizerFast

    def get_vocab(tokenizer: Any) -> dict[str, int]:
        count = tokenizer.backend_tokenizer.get_vocab_size(with_added_tokens=True)
        kept: dict[str, int] = vars(tokenizer).get("_kept_vocabulary", {})
        if len(kept) != count:
            kept = tokenizer.backend_tokenizer.get_vocab(with_added_tokens=True)
            vars(tokenizer)["_kept_vocabulary"] = kept
        return dict(kept)

    PreTrainedTokenizerFast.get_vocab = get_vocab


def _keep_to_tokenizer_files() -> None:
    """Make a tokenizer split texts exactly as its tokenizer.json says, with every token in it.

    transformers 5 builds some of them anew instead, by the name of their class: with the usual
    pre-tokenizer, and with only the added tokens of tokenizer_config.json.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    load = AutoTokenizer.from_pretrained

    def from_pretrained(place: Any, *arguments: Any, **options: Any) -> Any:
        tokenizer = load(place, *arguments, **options)
        file = Path(place) / "tokenizer.json"
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if isinstance(backend, Tokenizer) and file.is_file():
            _make_equal(backend, Tokenizer.from_file(str(file)))
        return tokenizer

    AutoTokenizer.from_pretrained = from_pretrained


def _make_equal(tokenizer: Any, wanted: Any) -> None:
    """Change a tokenizer where its file differs; leave identical parts as they are."""
    if _state_of(tokenizer.pre_tokenizer) != _state_of(wanted.pre_tokenizer):
        tokenizer.pre_tokenizer = wanted.pre_tokenizer
    for number, token in sorted(wanted.get_added_tokens_decoder().items()):
        if tokenizer.id_to_token(number) is None:
            add = tokenizer.add_special_tokens if token.special else tokenizer.add_tokens
            add([token])


def _state_of(part: Any) -> bytes | None:
    state: bytes | None = part and part.__getstate__()
    return state
