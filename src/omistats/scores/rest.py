"""Units and the rest of the units: estimates, differences and tests, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.kernel.face import adjust as adjusted
from omistats.kernel.wald import difference, tested
from omistats.scores.assemble import Settings
from omistats.scores.plain import Beside, Scoring

__all__ = ["REASONS", "SCHEMA", "Source", "against_rest"]

Floats = npt.NDArray[np.float64]

_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())
_FIGURES = ("difference", "se", "low", "high", "statistic", "df", "p_value", "p_adjusted")
SCHEMA = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "level", "item")),
        ("k", pa.int64()),
        ("n", pa.int64()),
        ("percent", pa.float64()),
        ("rest_k", pa.int64()),
        ("rest_n", pa.int64()),
        ("rest_percent", pa.float64()),
        *((name, pa.float64()) for name in _FIGURES),
        ("credible", pa.bool_()),
        *((name, _NOTE) for name in ("adjustment", "family", "method")),
        ("confidence", pa.float64()),
        ("reason", _NOTE),
    ]
)
"""The columns of weaknesses."""


_PERCENTS = ("percent", "rest_percent")
_ALL = ("k", "n", "rest_k", "rest_n", *_PERCENTS, *_FIGURES[:-1], "reason")

REASONS = (
    "no applicable answers",
    "no other units to compare with",
    "no applicable answers in the other units",
    "no standard error: a unit of one case",
    "no standard error among the other units: a unit of one case",
    "no spread to test against",
    "no degrees of freedom",
)
"""Why a row lacks a figure or a test, by code."""


@attrs.frozen(eq=False)
class Source:
    """What scores by unit were made of; standard errors of several units pooled need it.

    Attributes
    ----------
    scoring : Scoring
        The rule and the design.
    units, items : tuple of str
        Their ids, in the order of the arrays of ``scoring``.
    settings : Settings
        What was asked for.
    """

    scoring: Scoring
    units: tuple[str, ...]
    items: tuple[str, ...]
    settings: Settings


def against_rest(
    source: Source,
    units: Sequence[str],
    items: Sequence[str],
    level: str,
    confidence: float,
    adjust: str,
    family: str,
    others: Sequence[str],
    metadata: Any,
) -> pa.Table:
    """Lay out units and items; what is asked for is known to be there.

    Parameters
    ----------
    source : Source
    units, items : sequence of str
        What is compared.
    level, confidence, adjust, family
        As for `omistats.Scores.weaknesses`.
    others : sequence of str
        The units that make up the rest.
    metadata : mapping of bytes to bytes or None
        What the scores say of themselves.
    """
    scoring, settings = source.scoring, source.settings
    at = [source.items.index(item) for item in items]
    pool = np.array([unit in others for unit in source.units])
    everyone = scoring.counts[..., 0]
    blocks = []
    for unit in units:
        place = source.units.index(unit)
        rest = pool & (np.arange(len(source.units)) != place)
        beside = scoring.beside(place, rest)
        counts = np.stack([everyone[:, place], everyone[:, rest].sum(axis=1)], axis=-1)
        blocks.append(_compared(beside, counts, at, confidence, settings, bool(rest.any())))
    figures = {name: np.array([b[name] for b in blocks]).reshape(len(units), -1) for name in _ALL}
    p = figures["p_value"]
    if adjust == "none" or not p.size:
        figures["p_adjusted"] = p
    else:
        over = p.reshape(1, -1) if family == "all" else p
        figures["p_adjusted"] = adjusted(over, adjust).reshape(p.shape)
    known = ~np.isnan(p)
    below = (figures["difference"] < 0) & (figures["p_adjusted"] <= 1 - confidence)
    rows = len(units) * len(items)
    zeros = np.zeros(rows, np.int8)
    name = "wald-f" if settings.design_df else "wald-chi-square"
    arrays = {
        "unit": _arrow.dictionary(
            np.repeat(np.arange(len(units), dtype=np.int16), len(items)), units
        ),
        "level": _arrow.dictionary(zeros.astype(np.int16), (level,)),
        "item": _arrow.dictionary(
            np.tile(np.arange(len(items), dtype=np.int16), len(units)), items
        ),
        **{
            column: pa.array(figures[column].ravel().astype(np.int64))
            for column in ("k", "n", "rest_k", "rest_n")
        },
        **{column: _arrow.floats(figures[column].ravel()) for column in (*_PERCENTS, *_FIGURES)},
        "credible": pa.array(below.ravel(), pa.bool_(), mask=~known.ravel()),
        "adjustment": _arrow.dictionary(zeros, (adjust,)),
        "family": _arrow.dictionary(zeros, (family,)),
        "method": _arrow.dictionary(zeros, (name,), known.ravel()),
        "confidence": pa.array(np.full(rows, confidence)),
        "reason": _arrow.dictionary(figures["reason"].ravel().astype(np.int8), REASONS),
    }
    schema = SCHEMA.with_metadata(metadata) if metadata else SCHEMA
    return pa.Table.from_arrays([arrays[column] for column in schema.names], schema=schema)


def _compared(
    beside: Beside,
    counts: Floats,
    at: Sequence[int],
    confidence: float,
    settings: Settings,
    company: bool,
) -> dict[str, Floats]:
    """Compare a unit with the rest, each figure of shape (items,)."""
    estimate, v, (k, n) = beside.estimate[at], beside.covariance[at], counts[:, at]
    df = np.array(beside.freedom) if settings.design_df else None
    test = tested(estimate, v, df)
    between = difference(estimate, v, confidence=confidence, df=df)
    lost = np.isnan(estimate)
    unknown = np.isnan(np.diagonal(v, axis1=-2, axis2=-1))
    p_value = np.where(lost.any(axis=-1), np.nan, test.p_value)
    # Of several reasons the last one set holds.
    reason = np.where(np.isnan(p_value), 5.0, -1.0)
    if df is not None and df <= 0:
        reason[:] = 6
    reason[unknown[:, 1]] = 4
    reason[unknown[:, 0]] = 3
    reason[lost[:, 1]] = 2 if company else 1
    reason[lost[:, 0]] = 0
    with np.errstate(invalid="ignore"):
        # From the counts where they are the score, as scores have it.
        percent = 100 * k / n if settings.rule == "pooled" and not settings.weighted else None
    percent = 100 * estimate if percent is None else percent
    return {
        "k": k[:, 0],
        "n": n[:, 0],
        "rest_k": k[:, 1],
        "rest_n": n[:, 1],
        "percent": percent[:, 0],
        "rest_percent": percent[:, 1],
        "difference": 100 * between.estimate,
        "se": np.where(lost.any(axis=-1), np.nan, 100 * between.se),
        "low": 100 * between.low,
        "high": 100 * between.high,
        "statistic": test.statistic,
        "df": np.where(np.isnan(p_value) | (df is None), np.nan, beside.freedom),
        "p_value": p_value,
        "reason": reason,
    }
