"""Check clients' grammars against bounds, so that none can stall the engine.

llama.cpp follows all paths through a grammar at once. Parts that may be empty are skipped in every
combination: repeated, they keep it busy forever before the first token; in sequence, each of them
multiplies the work for every character of every token. So does each rule that begins with another
rule: there is one parse stack for every path to the first character.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.sampling.parameters import LARGEST_GRAMMAR_BYTES

_DEEPEST = 100
_MAX_REPETITIONS = 1000
_MAX_SKIPPED = 12
_MAX_PASSES = 6
_MAX_PATHS = 10_000
_WORD = re.compile(
    r'#[^\n]*|"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|::=|[()|*+?.]|\{[^}]*\}|!?<[^>]*>|[\w-]+'
)
_NUMBER = re.compile(r"\d+")


def require_bounded_grammar(grammar: str) -> None:
    """Check that llama.cpp can follow a grammar in bounded time and memory.

    Raises:
        AppError: `request_invalid`.
    """
    if len(grammar) > LARGEST_GRAMMAR_BYTES:
        raise _refusal(tr("the grammar is too large"))
    words = [word for word in _WORD.findall(grammar) if not word.startswith("#")]
    numbers = [int(n) for word in words if word[0] == "{" for n in _NUMBER.findall(word)]
    depth = deepest = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST or max(numbers, default=0) > _MAX_REPETITIONS:
        raise _refusal(tr("the grammar is too large"))
    reading = _Reading(words)
    for _ in range(_MAX_PASSES):
        known = dict(reading.skipped)
        reading.read()
        if reading.skipped == known:
            break
    else:
        raise _refusal(tr("the grammar is too complex"))
    _require_few_paths(reading.beginnings)


def _require_few_paths(beginnings: dict[str, Counter[str]]) -> None:
    """Bound the number of paths from every rule to a first character, and their length."""
    paths: dict[str, int] = {}
    left = dict(beginnings)
    for _ in range(_DEEPEST):
        known = {
            name: sum(count * paths.get(word, 1) for word, count in words.items())
            for name, words in left.items()
            if not any(word in left for word in words)
        }
        if max(known.values(), default=0) > _MAX_PATHS:
            raise _refusal(tr("the grammar is too complex"))
        paths |= known
        left = {name: words for name, words in left.items() if name not in known}
        if not left:
            return
    raise _refusal(tr("the grammar's rules are left-recursive, or too deeply nested"))


@dataclass
class _Reading:
    """Finds the rules that may be empty, and the number of parts that are then skipped.

    `beginnings` counts the words that each rule may begin with.
    """

    words: list[str]
    skipped: dict[str, int] = field(default_factory=dict)
    beginnings: dict[str, Counter[str]] = field(default_factory=dict)
    _rule: str = ""
    _at: int = 0

    def read(self) -> None:
        """Read all rules once."""
        self._at = 0
        self.beginnings.clear()
        while self._at < len(self.words):
            name = self.words[self._at]
            self._at += 1
            if self._at < len(self.words) and self.words[self._at] == "::=":
                self._at += 1
                self._rule = name
                self.beginnings.setdefault(name, Counter())
                if count := self._alternatives(begins=True):
                    self.skipped[name] = count

    def _alternatives(self, *, begins: bool) -> int:
        """Return the number of parts skipped if the group is empty; 0 if it can't be empty."""
        count = self._sequence(begins=begins)
        while self._next() == "|":
            self._at += 1
            count += self._sequence(begins=begins)
        return count

    def _sequence(self, *, begins: bool) -> int:
        run, is_empty = 0, True
        while (word := self._next()) and word not in "|)" and not self._is_rule():
            count = self._repeated(self._item(begins=begins and is_empty))
            run = run + count if count else 0
            is_empty = is_empty and count > 0
            if run > _MAX_SKIPPED:
                raise _refusal(tr("the grammar has too many consecutive parts that may be empty"))
        return max(run, 1) if is_empty else 0

    def _item(self, *, begins: bool) -> int:
        word = self.words[self._at]
        self._at += 1
        if word == "(":
            count = self._alternatives(begins=begins)
            self._at += 1
            return count
        if begins:
            self.beginnings[self._rule][word] += 1
        return 1 if word == '""' else self.skipped.get(word, 0)

    def _repeated(self, count: int) -> int:
        while (word := self._next()) and word[0] in "*+?{":
            self._at += 1
            if count and word != "?":
                raise _refusal(tr("the grammar repeats a part that may be empty"))
            if word in "*?" or (word[0] == "{" and int((_NUMBER.findall(word) or "0")[0]) == 0):
                count = max(count, 1)
        return count

    def _next(self) -> str:
        return self.words[self._at] if self._at < len(self.words) else ""

    def _is_rule(self) -> bool:
        return self.words[self._at + 1 : self._at + 2] == ["::="]


def _refusal(reason: str) -> AppError:
    return AppError(ErrorCode.REQUEST_INVALID, reason=reason)
