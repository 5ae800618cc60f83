"""A model's vocabulary: convert text to tokens, and tokens of any length to bytes."""

from __future__ import annotations

import ctypes
import functools
import itertools
import re
from collections.abc import Iterable, Sequence

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.tokens.provenance import Span
from app.native.library import load_llama

_TYPICAL_PIECE_BYTES = 64
# LLAMA_TOKEN_ATTR_UNKNOWN and LLAMA_TOKEN_ATTR_CONTROL: llama_tokenize skips these unless it parses
# special tokens. It always recognizes tokens that are "user defined".
_CONTROL_ATTRIBUTES = 1 << 0 | 1 << 3
# LLAMA_TOKEN_ATTR_NORMAL and LLAMA_TOKEN_ATTR_CONTROL: text in the file, control in llama.cpp.
_MISTAKEN_ATTRIBUTES = 1 << 2 | 1 << 3
# LLAMA_TOKEN_ATTR_LSTRIP and LLAMA_TOKEN_ATTR_RSTRIP.
_STRIPPING_ATTRIBUTES = 1 << 7 | 1 << 8
_SPACES = b" \t\n\v\f\r"
# LLAMA_VOCAB_TYPE_SPM and LLAMA_VOCAB_TYPE_BPE: they have no token for whole unknown words.
_WHOLE_TYPES = (1, 2)
_PRINTED = (*range(33, 127), *range(161, 173), *range(174, 256))
_MOVED = sorted({*range(256)} - {*_PRINTED})
_BYTE_TOKENS = (
    {byte: b"<0x%02X>" % byte for byte in range(256)},
    {byte: chr(byte).encode() for byte in _PRINTED}
    | {byte: chr(256 + index).encode() for index, byte in enumerate(_MOVED)},
)
"""The tokens of individual bytes in a file: SentencePiece's, or GPT-2's (bytes_to_unicode)."""
_MAX_LOST = 64
_MARKUP = "</s>"
_NO_BYTE = b"[UNK_BYTE_0x"
# A pre-tokenizer that is a regular expression recurses for every character of a match: more than a
# million of them overflow even the engine's large stack.
_LONGEST_RUN = 20_000
# Runs of white space and of other characters, by llama.cpp's definition (unicode-data.cpp).
_RUNS = re.compile(rf"[^\S\x1c-\x1f]{{1,{_LONGEST_RUN}}}|[\S\x1c-\x1f]{{1,{_LONGEST_RUN}}}")


class Vocabulary:
    """The vocabulary of one loaded model."""

    def __init__(self, model: int) -> None:
        self._llama = load_llama()
        self._vocabulary = self._llama.llama_model_get_vocab(model)
        self.size: int = self._llama.llama_vocab_n_tokens(self._vocabulary)
        self._pieces: dict[int, bytes] = {}
        self._eog: dict[int, bool] = {}

    @property
    def pointer(self) -> int:
        """llama.cpp's own vocabulary, for its samplers."""
        pointer: int = self._vocabulary
        return pointer

    def tokenize(
        self, text: str, *, with_control_tokens: bool = True, with_begin_and_end: bool = False
    ) -> list[int]:
        """Return the tokens of `text`; control tokens in it are recognized only if requested.

        `with_begin_and_end` adds the tokens that the model expects around text. No token crosses
        the 20,000th character of a run without white space, or of only white space.
        """
        first, *others = _split_runs(text)
        if not others:
            return self._tokenize_whole(text, with_begin_and_end, with_control_tokens)
        tokens = self._tokenize_whole(first, False, with_control_tokens)
        for part in others:
            tokens += self._tokenize_fragment(part, is_inside=True, is_trusted=with_control_tokens)
        if with_begin_and_end:
            begin, end = self._begin_and_end()
            return [*begin, *tokens, *end]
        return tokens

    def tokenize_text(self, text: str) -> list[int]:
        """Return the tokens of text that is not a prompt: it contains no control tokens."""
        return self.tokenize(text, with_control_tokens=False, with_begin_and_end=True)

    def tokenize_fragment(self, text: str) -> list[int]:
        """Return the tokens of a fragment of plain text, without BOS or EOS."""
        return self._tokenize_fragment(text, is_inside=True, is_trusted=False)

    def tokenize_prompt(self, prompt: str, untrusted: Sequence[Span] = ()) -> list[int]:
        """Return the tokens of a prompt, with exactly one BOS token if the model expects one.

        In the `untrusted` spans, the texts of control tokens stay text.
        """
        tokens = self._tokenize_parts(prompt, untrusted) if untrusted else self.tokenize(prompt)
        bos = self.bos_token()
        if bos is not None and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    def min_tokens(self, text: str) -> int:
        """Return a lower bound on a text's number of tokens; 0 if none follows from its length.

        It is the text's size divided by that of the longest token, not counting bytes that have no
        token and would be dropped, nor white space if tokens absorb it.
        """
        longest, uncounted = self._lengths
        if not longest:
            return 0
        size = len(text.encode("utf-8", "replace").translate(None, uncounted))
        return -(-size // longest)

    @property
    def longest_token_bytes(self) -> int:
        """The size of the longest token in bytes; 0 if a text's length implies no bound."""
        return self._lengths[0]

    @functools.cached_property
    def _lengths(self) -> tuple[int, bytes]:
        """The size of the longest token, and the bytes that `min_tokens` doesn't count.

        The size is 0 if text of any length may be dropped, or become one unknown token.
        """
        if self._llama.llama_vocab_type(self._vocabulary) not in _WHOLE_TYPES:
            return 0, b""
        longest, seen, strips = 1, set(), False
        for token in range(self.size):
            text = self._text(token)
            seen.add(text)
            # A token's text in the file is never shorter than its bytes.
            if len(text) > longest:
                longest = max(longest, len(self._read_piece(token, show_control=True)))
            attributes = self._llama.llama_vocab_get_attr(self._vocabulary, token)
            strips = strips or bool(attributes & _STRIPPING_ATTRIBUTES)
        lost = min(
            (
                bytes(byte for byte, text in form.items() if text not in seen)
                for form in _BYTE_TOKENS
            ),
            key=len,
        )
        if len(lost) > _MAX_LOST:
            return 0, b""
        return longest, lost + (_SPACES if strips else b"")

    def control_texts(self) -> dict[str, int]:
        """Return the control tokens by their texts: recognized only in a template's own text."""
        texts = {}
        for token in range(self.size):
            if self._is_control(token):
                texts[self._text(token).decode("utf-8", "replace")] = token
        return texts

    def show(self, tokens: Iterable[int]) -> None:
        """Make `piece` return the texts of these control tokens, for parsers that need them."""
        for token in tokens:
            self._pieces[token] = self._read_piece(token, show_control=True)

    def bos_token(self) -> int | None:
        """Return the BOS token, with which every text begins; None if the model expects none."""
        if not self._llama.llama_vocab_get_add_bos(self._vocabulary):
            return None
        token: int = self._llama.llama_vocab_bos(self._vocabulary)
        return token

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; empty for a control token."""
        if token not in self._pieces:
            self._pieces[token] = self._read_piece(token, show_control=self._is_markup(token))
        return self._pieces[token]

    def is_eog(self, token: int) -> bool:
        """Return whether this token ends a reply (end of generation)."""
        if token not in self._eog:
            is_end = bool(self._llama.llama_vocab_is_eog(self._vocabulary, token))
            self._eog[token] = is_end and not self._is_markup(token)
        return self._eog[token]

    def eog_tokens(self) -> list[int]:
        """Return all tokens that end a reply."""
        return [token for token in range(self.size) if self.is_eog(token)]

    def require_known(self, tokens: Sequence[int]) -> None:
        """Check tokens from a client.

        Raises:
            AppError: `request_invalid` if the model lacks one.
        """
        if tokens and not 0 <= min(tokens) <= max(tokens) < self.size:
            raise AppError(ErrorCode.REQUEST_INVALID, reason=tr("the model has no such token"))

    def mistaken_eog_tokens(self) -> list[int]:
        """Return the text tokens that llama.cpp mistakes for end-of-generation tokens."""
        return [token for token in self.tokenize(_MARKUP) if self._is_markup(token)]

    def bos_text(self) -> str:
        """Return the text of the BOS token, for chat templates; empty if there is none."""
        return self._control_text(self._llama.llama_vocab_bos(self._vocabulary))

    def eos_text(self) -> str:
        """Return the text of the EOS token, for chat templates; empty if there is none."""
        return self._control_text(self._llama.llama_vocab_eos(self._vocabulary))

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        """Return the joined bytes of several tokens."""
        return b"".join(self.piece(token) for token in tokens)

    def _begin_and_end(self) -> tuple[list[int], list[int]]:
        """Return the tokens that the model expects before and after text."""
        letter = self._tokenize_whole("a", False, False)
        around = self._tokenize_whole("a", True, False)
        at = next(at for at in range(len(around)) if around[at : at + len(letter)] == letter)
        return around[:at], around[at + len(letter) :]

    def _tokenize_parts(self, prompt: str, untrusted: Sequence[Span]) -> list[int]:
        tokens: list[int] = []
        after = 0
        for start, end in untrusted:
            tokens += self._tokenize_part(prompt, after, start, is_trusted=True)
            tokens += self._tokenize_part(prompt, start, end, is_trusted=False)
            after = end
        return tokens + self._tokenize_part(prompt, after, len(prompt), is_trusted=True)

    def _tokenize_part(self, prompt: str, start: int, end: int, *, is_trusted: bool) -> list[int]:
        text = prompt[start:end]
        if not text:
            return []
        tokens = self._tokenize_fragment(text, is_inside=start > 0, is_trusted=is_trusted)
        if is_trusted or not any(map(self._is_control, tokens)):
            return tokens
        # SentencePiece can merge plain pieces into a control token, but not single characters.
        return [
            token
            for letter in text
            for token in self._tokenize_fragment(letter, is_inside=True, is_trusted=False)
        ]

    def _tokenize_fragment(self, text: str, *, is_inside: bool, is_trusted: bool) -> list[int]:
        """Return the tokens of a part; SentencePiece adds a space before text, not inside it."""
        if is_inside:
            line_end = self.tokenize("\n", with_control_tokens=is_trusted)
            tokens = self.tokenize("\n" + text, with_control_tokens=is_trusted)
            if tokens[: len(line_end)] == line_end:
                return tokens[len(line_end) :]
        return self.tokenize(text, with_control_tokens=is_trusted)

    def _is_control(self, token: int) -> bool:
        attributes: int = self._llama.llama_vocab_get_attr(self._vocabulary, token)
        return bool(attributes & _CONTROL_ATTRIBUTES)

    def _is_markup(self, token: int) -> bool:
        """Return whether it is HTML's `</s>`, an ordinary word in Qwen's vocabularies.

        llama.cpp takes it for an EOG token by its text, even if the file names other EOG tokens.
        """
        attributes: int = self._llama.llama_vocab_get_attr(self._vocabulary, token)
        return (
            attributes & _MISTAKEN_ATTRIBUTES == _MISTAKEN_ATTRIBUTES
            and self._text(token) == _MARKUP.encode()
            and token != self._llama.llama_vocab_eos(self._vocabulary)
        )

    def _text(self, token: int) -> bytes:
        """Return a token's text as it is in the file."""
        text: bytes = self._llama.llama_vocab_get_text(self._vocabulary, token)
        return text

    def _control_text(self, token: int) -> str:
        if token < 0:
            return ""
        return self._read_piece(token, show_control=True).decode("utf-8", "replace")

    def _tokenize_whole(self, text: str, *flags: bool) -> list[int]:
        encoded = text.encode("utf-8", "replace")
        count = self._tokenize(encoded, None, 0, *flags)
        tokens = (self._llama.llama_token * max(1, -count))()
        count = self._tokenize(encoded, tokens, len(tokens), *flags)
        return list(tokens[:count])

    def _tokenize(
        self,
        text: bytes,
        target: ctypes.Array[ctypes.c_int32] | None,
        capacity: int,
        *flags: bool,
    ) -> int:
        count: int = self._llama.llama_tokenize(
            self._vocabulary, text, len(text), target, capacity, *flags
        )
        return count

    def _read_piece(self, token: int, *, show_control: bool) -> bytes:
        buffer = ctypes.create_string_buffer(_TYPICAL_PIECE_BYTES)
        length = self._fill(token, buffer, show_control=show_control)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = self._fill(token, buffer, show_control=show_control)
        piece = buffer.raw[: max(0, length)]
        # llama.cpp's placeholder for a character that maps to no byte. By Hugging Face's rule
        # (ByteLevel in tokenizers) such a token is its own text; Command-R has such emoji.
        return self._text(token) if _NO_BYTE in piece else piece

    def _fill(self, token: int, buffer: ctypes.Array[ctypes.c_char], *, show_control: bool) -> int:
        length: int = self._llama.llama_token_to_piece(
            self._vocabulary, token, buffer, len(buffer), 0, show_control
        )
        return length


def _split_runs(text: str) -> list[str]:
    """Return the text in one part, or split after each run of the maximum length."""
    if len(text) <= _LONGEST_RUN:
        return [text]
    ends = [run.end() for run in _RUNS.finditer(text) if run.end() - run.start() == _LONGEST_RUN]
    bounds = [0, *ends, len(text)]
    parts = [text[start:end] for start, end in itertools.pairwise(bounds)]
    return [part for part in parts if part]
