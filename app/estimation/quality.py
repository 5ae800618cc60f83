"""The quality of a level: its divergence from the 16-bit model; typical, probed or measured.

All three are the mean Kullback-Leibler divergence of the predictions for the next token, in nats.
*Typical* figures were published for other models, *probed* ones are computed from the quantization
error in this model's weights (`app.profiling.probed_quality`), and *measured* ones come from
`gristmill measure` on a text.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from app.core.language import tr

QualityKind = Literal["typical", "probed", "measured"]


class Quality(msgspec.Struct, frozen=True):
    """A mean KL divergence in nats, its uncertainty band (`low` to `high`), and its source."""

    kind: QualityKind
    kl_divergence: float
    low: float
    high: float
    source: str


_TABLE = "llama.cpp, tools/perplexity/README.md"
_LLAMA_3_8B = {
    "Q2_K": 0.445132,
    "Q3_K_S": 0.228217,
    "Q3_K_M": 0.101913,
    "Q3_K_L": 0.087176,
    "Q4_0": 0.071940,
    "Q4_1": 0.071683,
    "Q4_K_S": 0.043136,
    "Q4_K_M": 0.031273,
    "Q5_0": 0.022239,
    "Q5_1": 0.018045,
    "Q5_K_S": 0.016595,
    "Q5_K_M": 0.010762,
    "Q6_K": 0.005452,
    "Q8_0": 0.001355,
}
"""Llama 3 8B on WikiText-2, from the table, without an importance matrix."""
_LLAMA_3_8B_WITH_IMPORTANCE = {
    "IQ1_S": 2.254554,
    "IQ1_M": 1.393084,
    "IQ2_XXS": 0.812022,
    "IQ2_XS": 0.546290,
    "IQ2_S": 0.439197,
    "Q2_K_S": 0.403360,
    "Q2_K": 0.332223,
    "IQ2_M": 0.325989,
    "Q3_K_S": 0.199821,
    "IQ3_XXS": 0.183625,
    "IQ3_XS": 0.138693,
    "IQ3_S": 0.111278,
    "IQ3_M": 0.102534,
    "Q3_K_M": 0.084358,
    "Q3_K_L": 0.073077,
    "IQ4_XS": 0.036334,
    "IQ4_NL": 0.035742,
    "Q4_K_S": 0.031951,
    "Q4_K_M": 0.028152,
}
"""The same with an importance matrix of 10 million tokens of WikiText."""
_OTHER_MODELS: dict[str, dict[str, float]] = {
    f"Llama 2 7B ({_TABLE})": {
        "Q2_K": 0.108903,
        "Q4_K_M": 0.012686,
        "Q6_K": 0.002098,
        "Q8_0": 0.000369,
    },
    "Mistral 7B (llama.cpp pull request 4739)": {"Q3_K_M": 0.04, "Q4_K_M": 0.01, "Q5_K_M": 0.003},
    "Qwen2.5 1.5B Instruct (quantgap/results on the Hub, discussions 4, 6 and 7)": {
        "Q2_K": 0.60872,
        "Q3_K_M": 0.15920,
        "IQ3_M": 0.14942,
    },
    "Llama 4 Scout (bartowski, Comparing sub 50GB Llama 4 Scout quants)": {
        "IQ1_M": 0.933,
        "IQ2_XXS": 0.664,
        "IQ3_XXS": 0.244,
    },
}
"""Other models at the same levels: they show how far one model's figures hold for another."""
_SMALLEST_SHOWN = 0.001
"""The smallest divergence that is shown as a figure."""
_WITHOUT = tr(
    "Llama 3 8B without an importance matrix ({source}); the band covers other models",
    source=_TABLE,
)
_WITH = tr(
    "Llama 3 8B with an importance matrix ({source}); the band covers other models", source=_TABLE
)
_SIXTEEN_BITS = Quality(
    kind="typical",
    kl_divergence=0.000025,
    low=0.0,
    high=0.000025,
    source=tr("Llama 3 8B in BF16 compared with FP16 ({source})", source=_TABLE),
)
_WHOLE = Quality("typical", 0.0, 0.0, 0.0, tr("32 bits keep 16-bit weights exactly"))
_COPY = Quality("typical", 0.0, 0.0, 0.0, tr("the weights are copied unchanged"))


def quality_of_level(level: str, *, has_importance: bool = False) -> Quality | None:
    """Return the typical quality of a level, by llama.cpp's name for it; None if unpublished.

    The figure is Llama 3 8B's. The band covers the figures of other models, of 1.5 to 109 billion
    weights, at the levels that were published for both. Smaller models lose more:
    Qwen3 0.6B 0.395 at Q3_K_M and 2.46 at Q2_K (quantgap/results on the Hub, discussions 2 and 3).

    Args:
        level: Such as `Q4_K_M`.
        has_importance: An importance matrix is used. Levels that need one always have the figure
            with it, and `source` says so.
    """
    if level == "F32":
        return _WHOLE
    if level == "COPY":
        return _COPY
    if level in {"F16", "BF16"}:
        return _SIXTEEN_BITS
    without, within = (_LLAMA_3_8B, _WITHOUT), (_LLAMA_3_8B_WITH_IMPORTANCE, _WITH)
    tables = (within, without) if has_importance else (without, within)
    found = next(((table[level], source) for table, source in tables if level in table), None)
    if found is None:
        return None
    figure, source = found
    low, high = _spread()
    return Quality("typical", figure, figure * low, figure * high, source)


def divergence_in_words(quality: Quality) -> str:
    """Return the divergence as measured, or else its band; one close to 0 is an upper bound.

    A rounded band of “0–0” would claim what nobody has measured.
    """
    if quality.high == 0:
        return "0"
    if quality.high < _SMALLEST_SHOWN:
        return f"< {_SMALLEST_SHOWN}"
    if quality.kind == "measured":
        return f"{quality.kl_divergence:.2g}"
    low, high = (f"{end:.1g}" for end in (quality.low, quality.high))
    if quality.low < _SMALLEST_SHOWN:
        return f"≤ {high}"
    return high if low == high else f"{low}–{high}"


def published_models() -> tuple[str, ...]:
    """Return the models and sources of the typical figures and their bands."""
    return (f"Llama 3 8B ({_TABLE})", *_OTHER_MODELS)


def _spread() -> tuple[float, float]:
    """Return the lowest and highest ratio of other models' figures to Llama 3 8B's at any level."""
    base = _LLAMA_3_8B_WITH_IMPORTANCE | _LLAMA_3_8B
    ratios = [
        figure / base[level]
        for figures in _OTHER_MODELS.values()
        for level, figure in figures.items()
    ]
    return min(ratios), max(ratios)
