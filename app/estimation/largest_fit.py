"""Find the largest file of a source that fits this machine."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from app.core.events import LevelPlanned
from app.core.load_options import LoadOptions
from app.estimation.fit import Verdict
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import predict_levels
from app.estimation.rescaling import resized

_ANYWHERE: frozenset[Verdict] = frozenset({"on_devices", "shared", "on_processor"})
_ON_DEVICES: frozenset[Verdict] = frozenset({"on_devices"})


def largest_fitting(
    profile: ModelProfile,
    options: LoadOptions,
    file_of: Callable[[int], LevelPlanned],
    least: int,
    most: int,
) -> int | None:
    """Return the largest size that fits where the model is fastest.

    That is on devices, unless not even the smallest file fits there; then RAM counts, too.

    Args:
        profile: The source on this machine.
        options: How the model would be loaded; the context takes memory, too.
        file_of: The file of a size, in any unit; a larger size has a larger file.
        least: The smallest size.
        most: The largest size.

    Returns:
        A size from `least` to `most`; None if nothing fits, or the memory is unknown.
    """

    def verdict(size: int) -> Verdict | None:
        (row,) = predict_levels(resized(profile, [file_of(size)]), options)
        return row.plan.verdict if row.plan is not None else None

    smallest = verdict(least)
    if smallest not in _ANYWHERE:
        return None
    wanted = _ON_DEVICES if smallest in _ON_DEVICES else _ANYWHERE
    sizes = range(least, most + 1)
    return sizes[bisect_left(sizes, True, key=lambda size: verdict(size) not in wanted) - 1]
