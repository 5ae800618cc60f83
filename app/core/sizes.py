"""Human-readable sizes, durations, rates and perplexities."""

from __future__ import annotations

KILOBYTE, MEGABYTE, GIGABYTE = 10**3, 10**6, 10**9
_GIBIBYTE = 2**30
_MINUTE, _HOUR = 60, 3600
_WHOLE_PACE = 9.95


def format_bytes(size_bytes: float) -> str:
    """Format a size in decimal units, as on disks: `4.08 GB`, `98 MB`, `12 kB`, `7 B`."""
    # Compare after rounding, so that "1000 MB" is never shown.
    if round(size_bytes / MEGABYTE) >= KILOBYTE:
        return f"{size_bytes / GIGABYTE:,.2f} GB"
    if round(size_bytes / KILOBYTE) >= KILOBYTE:
        return f"{size_bytes / MEGABYTE:.0f} MB"
    if round(size_bytes) >= KILOBYTE:
        return f"{size_bytes / KILOBYTE:.0f} kB"
    return f"{size_bytes:.0f} B"


def format_gibibytes(size_bytes: float) -> str:
    """Format a size in binary units, for tooltips: `3.80 GiB`."""
    return f"{size_bytes / _GIBIBYTE:.2f} GiB"


def format_weights(count: float) -> str:
    """Format a number of weights as in names of models: `1.2 B`, `135 M`, `40 k`."""
    if count >= GIGABYTE:
        return f"{count / GIGABYTE:.1f} B"
    if count >= MEGABYTE:
        return f"{count / MEGABYTE:.0f} M"
    return f"{count / KILOBYTE:.0f} k"


def format_pace(per_second: float) -> str:
    """Format tokens per second with useful precision: `1,934`, `42`, `3.1`, `3`."""
    is_whole = per_second >= _WHOLE_PACE or per_second == int(per_second)
    return f"{per_second:,.0f}" if is_whole else f"{per_second:.1f}"


def format_perplexity(perplexity: float) -> str:
    """Format a perplexity, so that close levels differ: `7.254`, `3,348.186`."""
    return f"{perplexity:,.3f}"


def about(seconds: float) -> str:
    """Format a predicted duration: `8 s`, `12 min`, `1 h 20 min`."""
    if seconds < _HOUR:
        return f"{round(seconds)} s" if seconds < _MINUTE else f"{round(seconds / _MINUTE)} min"
    return format_duration(seconds)


def format_duration(seconds: float) -> str:
    """Format a duration with sensible precision: `8 s`, `2 min 05 s`, `1 h 20 min`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
