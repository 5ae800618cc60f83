"""Quantization levels, by llama.cpp's names and numbers."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.language import tr


@dataclass(frozen=True)
class Level:
    """A quantization level: llama.cpp's name, its `llama_ftype` number (include/llama.h)."""

    name: str
    ftype: int
    description: str


LEVELS: tuple[Level, ...] = (
    Level("Q2_K", 10, tr("Smallest; clearly worse replies")),
    Level("Q3_K_S", 11, tr("Very small; noticeable loss")),
    Level("Q3_K_M", 12, tr("Small; noticeable loss")),
    Level("Q3_K_L", 13, tr("Small; some loss")),
    Level("IQ4_XS", 30, tr("Smaller than Q4_K_S; little loss")),
    Level("IQ4_NL", 25, tr("Non-linear 4 bit; little loss")),
    Level("Q4_0", 2, tr("Simple 4 bit; fast on many processors")),
    Level("Q4_1", 3, tr("Simple 4 bit with an offset")),
    Level("Q4_K_S", 14, tr("Good; a little smaller than Q4_K_M")),
    Level("Q4_K_M", 15, tr("Good; a balance of size and quality")),
    Level("Q5_0", 8, tr("Simple 5 bit")),
    Level("Q5_1", 9, tr("Simple 5 bit with an offset")),
    Level("Q5_K_S", 16, tr("Very little loss")),
    Level("Q5_K_M", 17, tr("Very little loss; larger")),
    Level("Q6_K", 18, tr("Almost lossless")),
    Level("Q8_0", 7, tr("Practically lossless; twice the size of Q4")),
    Level("F16", 1, tr("16 bit floating point")),
    Level("BF16", 32, tr("16 bit; the type that most models are trained in")),
    Level("F32", 0, tr("32 bit; four times the size of Q8_0")),
)
SPECIAL_LEVELS: tuple[Level, ...] = (
    Level("IQ1_S", 24, tr("Barely usable; for the largest models")),
    Level("IQ1_M", 31, tr("Barely usable; for the largest models")),
    Level("IQ2_XXS", 19, tr("Smallest usable; needs an importance matrix")),
    Level("IQ2_XS", 20, tr("Very small; needs an importance matrix")),
    Level("IQ2_S", 28, tr("Very small; needs an importance matrix")),
    Level("IQ2_M", 29, tr("Very small; needs an importance matrix")),
    Level("Q2_K_S", 21, tr("Very small; needs an importance matrix")),
    Level("IQ3_XXS", 23, tr("Small; needs an importance matrix")),
    Level("IQ3_XS", 22, tr("Small; needs an importance matrix")),
    Level("IQ3_S", 26, tr("Small; better with an importance matrix")),
    Level("IQ3_M", 27, tr("Small; better with an importance matrix")),
)
"""Levels that are useless, or much worse, without an importance matrix."""
COPY = Level("COPY", 1024, tr("Unchanged; nothing is quantized again"))
"""llama-quantize's name; the file keeps its own file type, so the number is none of llama.cpp's."""
FORMAT_PRESERVING_LEVELS: tuple[Level, ...] = (
    Level("MXFP4_MOE", 38, tr("Experts in MXFP4, the rest in Q8_0")),
    COPY,
)
"""Levels for weights that are published in a block format, which they keep."""

DEFAULT_LEVEL = "Q4_K_M"
_BY_NAME = {level.name: level for level in (*LEVELS, *SPECIAL_LEVELS, *FORMAT_PRESERVING_LEVELS)}
_NAME_OF_FTYPE = {level.ftype: level.name for level in _BY_NAME.values() if level != COPY} | {
    # Levels that files may have but that can't be made here.
    36: "TQ1_0",
    37: "TQ2_0",
    39: "NVFP4",
}


def level_named(name: str) -> Level:
    """Return the level with llama.cpp's `name`, in upper or lower case.

    Raises:
        KeyError: No level that can be made has this name.
    """
    return _BY_NAME[name.upper()]


def level_name(ftype: int) -> str:
    """Return llama.cpp's name for a `general.file_type`, empty for an unknown one."""
    return _NAME_OF_FTYPE.get(ftype, "")
