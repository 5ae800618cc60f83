"""Publish models as planned: file by file, each committed at once, and the card last.

What an interrupted publication has committed is not sent again by the next one.
"""

from __future__ import annotations

from app.core.publish_events import CARD_NAME, PublishAdvanced, PublishPlanned
from app.hub.failures import keeping_transfers
from app.hub.progress import Progress
from app.library.verification import checksums_of
from app.publishing.hub_uploader import HubUploader
from app.publishing.publish_plan import PublishRequest, Report


def publish(
    planned: PublishPlanned, request: PublishRequest, uploader: HubUploader, report: Report
) -> None:
    """Create the repository unless it exists, and send what it lacks.

    What the repository has is reported after each change, since the work can stop at any moment.

    Raises:
        AppError: `file_unreadable`, and what `HubUploader` raises.
    """
    both = zip(request.files, planned.files, strict=True)
    missing = [local for local, file in both if not file.is_there]
    checksums = checksums_of([file.path for file in missing], report) if missing else ()
    total = len(planned.files) + bool(planned.card)
    done = len(planned.files) - len(missing)

    def tell() -> None:
        report(PublishAdvanced(planned.repository, planned.address, done, total))

    if not planned.exists:
        uploader.create(planned.repository, is_private=planned.is_private)
        tell()
    progress = Progress("publish", planned.missing_bytes, report)
    name = planned.repository
    with keeping_transfers():
        for file, sha256 in zip(missing, checksums, strict=True):
            progress.enter(file.name)
            sent = uploader.send_file(name, file.name, file.path, sha256, progress.count)
            progress.count(file.size_bytes - sent)
            done += 1
            tell()
        if planned.card:
            uploader.send_text(name, CARD_NAME, planned.card)
            done += 1
            tell()
