"""Events about publishing models on the Hub."""

from __future__ import annotations

import msgspec

CARD_NAME = "README.md"
"""The name of the model card in a repository."""


class PublishedFile(msgspec.Struct, frozen=True):
    """A file by its name in the repository; not sent again if it `is_there` with equal contents."""

    name: str
    size_bytes: int
    is_there: bool = False


class PublishPlanned(msgspec.Struct, frozen=True, tag="publish_plan", kw_only=True):
    """What will be uploaded, before anything is.

    `repository` is `owner/name` and `address` its page; it is created unless it `exists`. `files`
    are the model's, in the order in which they are sent. `card` is the text of the model card,
    which comes last; empty if the repository keeps a card of its own. `license` is the one that a
    new card names. `owners` are the names that the user may publish under.
    """

    repository: str
    address: str
    is_private: bool
    exists: bool
    files: tuple[PublishedFile, ...]
    card: str
    base_model: str = ""
    license: str = ""
    owners: tuple[str, ...] = ()

    @property
    def missing_bytes(self) -> int:
        """The size of the files that will be sent."""
        return sum(file.size_bytes for file in self.files if not file.is_there)


class PublishAdvanced(msgspec.Struct, frozen=True, tag="publish_advanced"):
    """The repository was created, or a file was committed: it has `done` of `total` files.

    `address` is its page. Both numbers count the model card.
    """

    repository: str
    address: str
    done: int
    total: int

    @property
    def is_complete(self) -> bool:
        """True if nothing is missing."""
        return self.done == self.total
