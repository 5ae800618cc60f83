"""The division of a file among connections."""

from __future__ import annotations

from dataclasses import dataclass

_SEGMENTS = 16


@dataclass(frozen=True)
class TransferPolicy:
    """The rules by which several connections share a file.

    Attributes:
        connections: The most at a time.
        parallel_above_bytes: The largest file that a single connection fetches.
        smallest_segment: The fewest bytes that are worth a request of their own.
        largest_segment: The most bytes of a request; what has arrived of it waits for the earlier
            bytes before it is added to the checksum.
        trial_seconds: How long a number of connections is tried before its speed is judged.
        needed_gain: The speedup that more connections must bring before further ones are tried.
        enough_bytes_per_second: The speed from which on no further ones are tried, since the
            processor is the limit.
        least_free_bytes: The space that a download leaves free on the disk.
    """

    connections: int = 4
    parallel_above_bytes: int = 256 * 2**20
    smallest_segment: int = 16 * 2**20
    largest_segment: int = 64 * 2**20
    trial_seconds: float = 0.4
    needed_gain: float = 1.1
    enough_bytes_per_second: int = 250 * 10**6
    least_free_bytes: int = 2**30

    def segment_bytes(self, size_bytes: int) -> int:
        """Return the size of the segments of a file; 0 if it is fetched in one piece."""
        if size_bytes <= self.parallel_above_bytes:
            return 0
        return min(max(size_bytes // _SEGMENTS, self.smallest_segment), self.largest_segment)
