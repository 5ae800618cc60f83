"""A model's vocabulary: text to tokens and tokens to bytes, whole, however long a token is."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from app.native.library import load_llama

_USUAL_PIECE_BYTES = 64


class Vocabulary:
    """The vocabulary of one loaded model."""

    def __init__(self, model: int) -> None:
        self._llama = load_llama()
        self._vocabulary = self._llama.llama_model_get_vocab(model)
        self.size: int = self._llama.llama_vocab_n_tokens(self._vocabulary)
        self._pieces: dict[int, bytes] = {}

    def tokenize(self, text: str, *, with_control_tokens: bool = True) -> list[int]:
        """The tokens of `text`; control tokens in it are recognised only when asked for."""
        encoded = text.encode("utf-8", "replace")
        count = self._tokenize(encoded, None, 0, with_control_tokens=with_control_tokens)
        tokens = (self._llama.llama_token * max(1, -count))()
        count = self._tokenize(
            encoded, tokens, len(tokens), with_control_tokens=with_control_tokens
        )
        return list(tokens[:count])

    def tokenize_prompt(self, prompt: str) -> list[int]:
        """The tokens of a prompt, with the begin token that the model wants exactly once."""
        tokens = self.tokenize(prompt)
        begin = self.begin_token()
        if begin is not None and tokens[:1] != [begin]:
            tokens.insert(0, begin)
        return tokens

    def begin_token(self) -> int | None:
        """The token that every text begins with; None when the model wants none."""
        if not self._llama.llama_vocab_get_add_bos(self._vocabulary):
            return None
        token: int = self._llama.llama_vocab_bos(self._vocabulary)
        return token

    def piece(self, token: int) -> bytes:
        """The bytes of a token; nothing for a control token."""
        if token not in self._pieces:
            self._pieces[token] = self._read_piece(token, show_control=False)
        return self._pieces[token]

    def ends_reply(self, token: int) -> bool:
        """Whether the model says with this token that it has finished."""
        return bool(self._llama.llama_vocab_is_eog(self._vocabulary, token))

    def begin_text(self) -> str:
        """The text of the begin token, for chat templates; empty when there is none."""
        return self._control_text(self._llama.llama_vocab_bos(self._vocabulary))

    def end_text(self) -> str:
        """The text of the end token, for chat templates; empty when there is none."""
        return self._control_text(self._llama.llama_vocab_eos(self._vocabulary))

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        """The bytes of several tokens, one after the other."""
        return b"".join(self.piece(token) for token in tokens)

    def _control_text(self, token: int) -> str:
        if token < 0:
            return ""
        return self._read_piece(token, show_control=True).decode("utf-8", "replace")

    def _tokenize(
        self,
        text: bytes,
        target: ctypes.Array[ctypes.c_int32] | None,
        capacity: int,
        *,
        with_control_tokens: bool,
    ) -> int:
        count: int = self._llama.llama_tokenize(
            self._vocabulary, text, len(text), target, capacity, False, with_control_tokens
        )
        return count

    def _read_piece(self, token: int, *, show_control: bool) -> bytes:
        buffer = ctypes.create_string_buffer(_USUAL_PIECE_BYTES)
        length = self._fill(token, buffer, show_control=show_control)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = self._fill(token, buffer, show_control=show_control)
        return buffer.raw[: max(0, length)]

    def _fill(self, token: int, buffer: ctypes.Array[ctypes.c_char], *, show_control: bool) -> int:
        length: int = self._llama.llama_token_to_piece(
            self._vocabulary, token, buffer, len(buffer), 0, show_control
        )
        return length
