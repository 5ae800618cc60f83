"""Components from the package index: fetched with pip and verified."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core import files, leftovers, paths
from app.core.errors import AppError, ErrorCode
from app.core.events import Progressed
from app.core.language import tr
from app.core.network import require_network
from app.jobs.child_process import ChildProcess
from app.jobs.launch import PIP, child_environment, pip_command_line
from app.jobs.reporter import Reporter

_POLL_SECONDS = 0.25
_LONGEST_REASON = 200
# pip unpacks a source distribution next to it and fetches its build backend.
_ROOM_FACTOR = 6
_WRONG_HASH = "DO NOT MATCH THE HASHES"


@dataclass(frozen=True)
class Package:
    """One file in the package index; `component` is its name for users."""

    component: str
    name: str
    version: str
    file_name: str
    size_bytes: int
    sha256: str

    @property
    def is_source(self) -> bool:
        """True for a source distribution."""
        return self.file_name.endswith(".tar.gz")


@dataclass(frozen=True)
class PinnedPackages:
    """Packages that are installed together, without their dependencies.

    `requirements` is a file for pip with the version and the SHA-256 of the wheels of each;
    `size_bytes` is their approximate installed size.
    """

    component: str
    requirements: Path
    size_bytes: int


@contextmanager
def fetched(package: Package, reporter: Reporter) -> Iterator[Path]:
    """Fetch and verify `package`; the file is removed when the block ends.

    Its folder may be used for files that are made from it.

    Raises:
        AppError: `local_only`, `component_unreachable`, `component_damaged`, `disk_full`,
            `folder_not_writable`, `file_busy` if another run is fetching something.
    """
    with _fetch_folder(_ROOM_FACTOR * package.size_bytes) as folder:
        _download(package, folder, reporter)
        verify(package, folder / package.file_name)
        yield folder / package.file_name


def install(packages: PinnedPackages, destination: Path, reporter: Reporter) -> None:
    """Install `packages` into the new folder `destination`, which is complete or absent.

    Raises:
        AppError: As `fetched`.
    """
    with _fetch_folder(2 * packages.size_bytes) as folder:
        made = folder / "packages"
        hashed = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
        arguments = ("install", *hashed, "--target", str(made), "-r", str(packages.requirements))

        def report() -> None:
            done_bytes = min(_size_below(folder), packages.size_bytes)
            reporter.report(
                Progressed("setup", done_bytes, packages.size_bytes, packages.component)
            )

        _run_pip(packages.component, arguments, folder, report)
        # A power cut after the rename must not leave empty files in the folder.
        if hasattr(os, "sync"):
            os.sync()
        destination.parent.mkdir(parents=True, exist_ok=True)
        files.replace(made, destination)


@contextmanager
def _fetch_folder(needed_bytes: int) -> Iterator[Path]:
    """Create the folder to fetch into; it is removed when the block ends."""
    require_network()
    # A short name: some paths of the source distribution are close to Windows' limit.
    folder = paths.home() / "fetch"
    with files.raising_app_errors(folder.parent), leftovers.noted(folder):
        files.require_space(folder, needed_bytes)
        try:
            folder.mkdir()
        except FileExistsError as error:
            raise AppError(ErrorCode.FILE_BUSY, file=str(folder)) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def verify(package: Package, file: Path) -> None:
    """Check that `file` has the checksum of `package`.

    Raises:
        AppError: `component_damaged`.
    """
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != package.sha256:
        raise AppError(ErrorCode.COMPONENT_DAMAGED, component=package.component.capitalize())


def _download(package: Package, folder: Path, reporter: Reporter) -> None:
    kind = ["--no-binary", package.name] if package.is_source else ["--only-binary", package.name]
    wanted = f"{package.name}=={package.version}"
    arguments = ("download", "--no-deps", *kind, "--dest", str(folder), wanted)
    file = folder / package.file_name

    def report() -> None:
        _report(package, folder, reporter)

    _run_pip(package.component, arguments, folder, report)
    if not file.is_file():
        raise _unreachable(
            package.component, tr("the registry has a different file of that version")
        )


def _run_pip(
    component: str, arguments: Sequence[str], folder: Path, report: Callable[[], None]
) -> None:
    """Run pip with all its files in `folder`; call `report` while it works and at its end."""
    with ChildProcess(pip_command_line(*arguments), _environment(folder)) as pip:
        while (returncode := pip.wait(_POLL_SECONDS)) is None:
            report()
    if returncode != 0:
        log = pip.log()
        if _WRONG_HASH in log:
            raise AppError(ErrorCode.COMPONENT_DAMAGED, component=component.capitalize())
        raise _unreachable(component, failure_reason(log))
    report()


def _unreachable(component: str, reason: str) -> AppError:
    return AppError(
        ErrorCode.COMPONENT_UNREACHABLE, component=component.capitalize(), reason=reason
    )


def _environment(folder: Path) -> dict[str, str]:
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"}
    return {**child_environment(PIP), **temporary, **quiet}


def _report(package: Package, folder: Path, reporter: Reporter) -> None:
    places = [*folder.glob(package.file_name), *folder.glob(f"pip-*/{package.file_name}")]
    done_bytes = max((_size_of(place) for place in places), default=0)
    reporter.report(Progressed("setup", done_bytes, package.size_bytes, package.component))


def _size_below(folder: Path) -> int:
    # Unlike glob, os.walk tolerates folders that pip moves meanwhile.
    walk = os.walk(folder)
    return sum(_size_of(Path(place) / name) for place, _, names in walk for name in names)


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def failure_reason(log: str) -> str:
    """Return the reason why pip failed, from its log."""
    if "connection broken" in log:
        # pip's last message would be that it found no such version.
        return tr("no connection")
    errors = [line for line in log.splitlines() if line.startswith("ERROR: ")]
    reason = errors[0].removeprefix("ERROR: ") if errors else tr("pip gave no reason")
    return reason[:_LONGEST_REASON]
