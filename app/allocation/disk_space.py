"""The disk space of a file that is measured first: its own, and that of what is measured."""

from __future__ import annotations

from pathlib import Path

from app.allocation.study import Study
from app.core.files import is_on_one_disk, require_space, temporary_place

_VALUE_BYTES = 4


def require_disk_space(
    study: Study, folder: Path, tensors_bytes: int, *, corrects: bool, tunes: bool
) -> None:
    """Check that there is room in `folder` for a file, and elsewhere for what is kept until then.

    Args:
        study: The checkpoint.
        folder: The folder of the file.
        tensors_bytes: The size of all its tensors.
        corrects: The rounding is corrected.
        tunes: Scales and norms are tuned after that.

    Raises:
        AppError: `disk_full`.
    """
    file_bytes = study.plans[0].header_size_bytes + tensors_bytes
    kept_bytes = _kept_bytes(study, tensors_bytes, corrects=corrects, tunes=tunes)
    place = temporary_place()
    if is_on_one_disk(folder, place):
        require_space(folder, file_bytes + kept_bytes)
    else:
        require_space(folder, file_bytes)
        require_space(place, kept_bytes)


def _kept_bytes(study: Study, tensors_bytes: int, *, corrects: bool, tunes: bool) -> int:
    """Return the bytes that temporary folders hold at most.

    They are the hidden states before each layer and after the last, which give way to rounded rows;
    then those rows, and predictions of the exact model.
    """
    tokens = sum(map(len, study.measured.tokens))
    # The first half of each sequence is context.
    predicted = tokens if tunes else sum(map(len, study.checked.tokens)) // 2
    states = tokens * study.count("embedding_length") * (study.count("block_count") + 1)
    predictions = predicted * study.vocabulary_size
    rows_bytes = tensors_bytes * corrects
    return max(
        _VALUE_BYTES * states + rows_bytes,
        _VALUE_BYTES * predictions + rows_bytes * (1 + tunes),
    )
