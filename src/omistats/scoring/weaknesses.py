"""Unit against the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Display, Reason, TableResult
from omistats.errors import UnknownNameError, UsageError, as_tuple, check_choice, format_value
from omistats.kernel.checks import check_confidence
from omistats.kernel.multiplicity import ADJUSTMENTS, adjust as adjusted
from omistats.kernel.wald import difference, tested
from omistats.model.framework import ALL
from omistats.model.metadata import is_synthetic
from omistats.scoring.build import Settings
from omistats.scoring.estimators import Scoring, UnitVersusRest
from omistats.scoring.options import refuse
from omistats.scoring.unit_comparison import whole_cases

__all__ = [
    "SCHEMA",
    "Adjustment",
    "Family",
    "Level",
    "ScoringContext",
    "WeaknessReason",
    "Weaknesses",
    "against_rest",
    "find_weaknesses",
]


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


class WeaknessReason(Reason):
    """Why a comparison of a unit with the rest lacks a figure or a test."""

    NO_ANSWERS = "no applicable answers"
    NO_OTHER_UNITS = "no other units to compare with"
    NO_ANSWERS_IN_REST = "no applicable answers in the other units"
    ONE_CASE = "no standard error: a unit of one case"
    ONE_CASE_IN_REST = "no standard error among the other units: a unit of one case"
    NO_SPREAD = "no spread to test against"
    NO_DF = "no degrees of freedom"


@attrs.frozen(eq=False)
class ScoringContext:
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
    source: ScoringContext,
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
        "reason": _arrow.dictionary(
            figures["reason"].ravel().astype(np.int8), WeaknessReason.texts()
        ),
    }
    schema = SCHEMA.with_metadata(metadata) if metadata else SCHEMA
    return pa.Table.from_arrays([arrays[column] for column in schema.names], schema=schema)


def _compared(
    beside: UnitVersusRest,
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
    reason = np.where(np.isnan(p_value), float(WeaknessReason.NO_SPREAD), float(NO_REASON))
    if df is not None and df <= 0:
        reason[:] = WeaknessReason.NO_DF
    reason[unknown[:, 1]] = WeaknessReason.ONE_CASE_IN_REST
    reason[unknown[:, 0]] = WeaknessReason.ONE_CASE
    reason[lost[:, 1]] = (
        WeaknessReason.NO_ANSWERS_IN_REST if company else WeaknessReason.NO_OTHER_UNITS
    )
    reason[lost[:, 0]] = WeaknessReason.NO_ANSWERS
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


Adjustment = Literal["holm", "bonferroni", "bh", "none"]
Family = Literal["unit", "all"]
Level = Literal["criterion", "section", "headline"]

_ROWS = 24


@attrs.frozen(eq=False, repr=False)
class Weaknesses(TableResult):
    """Scores of units against the rest, item by item.

    Attributes
    ----------
    table : pyarrow.Table
        A row a unit and item: ``unit, level, item``; ``k, n, percent`` of the unit (percent as
        the scores give it, ``k`` and ``n`` counts of answers) and ``rest_k, rest_n,
        rest_percent`` of the others pooled; ``difference`` (the unit less the rest, percentage
        points), ``se, low, high`` of it (the interval is of this item by itself);
        ``statistic`` (the square of difference over ``se``), ``df`` (of t, null under the
        normal distribution) and the two-sided ``p_value``; ``p_adjusted``, which allows for all
        items of the ``family``; ``credible``, whether the unit is below the rest and that is
        shown after adjustment;
        ``adjustment, family, method, confidence``; ``reason`` why a figure is missing. Where
        nothing could be tested ``credible`` is null, not false.
    others : tuple of str or None
        The units that make up the rest, each unit itself left out; None for all.

    Examples
    --------
    >>> import omistats as oms
    >>> made = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["1.1", "1.2", "2.2"])
    >>> found = made.weaknesses("U01")
    >>> found
    Weaknesses from SYNTHETIC cases: 3 scores against all others, 2 credibly below at 95%,
    holm over the items of each unit
    <BLANKLINE>
    unit  item  percent  rest  difference       interval  adjusted p
    U01   1.1      78.0  81.5        -3.6   -9.1 to +2.0      0.2076
    U01   1.2      70.8  76.1        -5.3   -8.2 to -2.4      0.0010  below
    U01   2.2      65.1  73.9        -8.7  -14.0 to -3.5      0.0024  below
    >>> found.credible()["item"].to_pylist()
    ['2.2', '1.2']
    """

    table: pa.Table
    others: tuple[str, ...] | None = None

    def credible(self) -> pa.Table:
        """Keep the items where a unit is credibly below the rest, weakest first.

        Returns
        -------
        pyarrow.Table
            Rows of ``table``, units in its order, then by ``difference``.
        """
        rows = self.table.to_pylist()
        place = {unit: i for i, unit in enumerate(dict.fromkeys(r["unit"] for r in rows))}
        below = [i for i, row in enumerate(rows) if row["credible"]]
        below.sort(key=lambda i: (place[rows[i]["unit"]], rows[i]["difference"]))
        return self.table.take(pa.array(below, pa.int64()))

    def _display(self) -> Display:
        rows = self.table.slice(0, _ROWS).to_pylist()
        made_up = " from SYNTHETIC cases" * is_synthetic(self.table.schema.metadata)
        below = sum(value is True for value in self.table["credible"].to_pylist())
        rest = "all others" if self.others is None else f"{len(self.others)} named units"
        head = f"Weaknesses{made_up}: {len(self):,} scores against {rest}, {below} credibly below"
        if rows:
            of = "each unit" if rows[0]["family"] == "unit" else "all units"
            how = rows[0]["adjustment"]
            head += f" at {100 * rows[0]['confidence']:g}%"
            head += "" if how == "none" else f", {how} over the items of {of}"
        lines = [["unit", "item", "percent", "rest", "difference", "interval", "adjusted p", ""]]
        for row in rows:
            percent, rest_percent, gap = (
                "" if row[name] is None else f"{row[name]:{form}}"
                for name, form in (
                    ("percent", ".1f"),
                    ("rest_percent", ".1f"),
                    ("difference", "+.1f"),
                )
            )
            ends = "" if row["low"] is None else f"{row['low']:+.1f} to {row['high']:+.1f}"
            p = _p_value(row["p_adjusted"])
            note = "below" if row["credible"] else row["reason"] or ""
            lines.append([row["unit"], row["item"], percent, rest_percent, gap, ends, p, note])
        left = len(self) - _ROWS
        return Display(
            head, lines, f"... and {left:,} more rows in .table" if left > 0 else "", labels=2
        )


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def find_weaknesses(
    table: pa.Table,
    source: ScoringContext | None,
    unit: str | None,
    level: Level,
    confidence: float,
    adjust: Adjustment,
    family: Family,
    others: Iterable[str] | None,
) -> Weaknesses:
    """Lay units beside the rest; see `Scores.weaknesses`."""
    if source is None:
        raise UsageError(
            "the standard error of other units pooled needs the sums over cases, which only scores "
            'by unit keep; make them from the cases, or from a ScoreTally, with by="unit"'
        )
    whole = whole_cases(table, "weaknesses are of")
    here = [u for u in whole["unit"].unique().to_pylist() if u != ALL]
    if not here:
        raise UsageError(
            'there are no units among these scores; make them with by="unit" and do not filter '
            "units out"
        )
    levels = whole["level"].unique().to_pylist()
    chosen: list[str] = []

    def check_others() -> None:
        if others is None:
            return
        chosen.extend(as_tuple("others", others, "units"))
        if unknown := [u for u in chosen if u not in source.units]:
            raise UnknownNameError("unit", unknown, source.units)
        if not chosen:
            raise UsageError("`others` names no units; leave it out for all others")

    refuse(
        lambda: check_choice("unit", unit, here) if unit is not None else None,
        lambda: check_choice("level", level, get_args(Level)),
        lambda: (
            check_choice("level of these scores", level, levels)
            if level in get_args(Level)
            else None
        ),
        lambda: check_confidence(confidence),
        lambda: _check_adjust(adjust),
        lambda: check_choice("family", family, get_args(Family)),
        check_others,
    )
    named = adjust if adjust == "none" else ADJUSTMENTS.name(adjust)
    wanted = [unit] if unit is not None else here
    labels = zip(whole["level"].to_pylist(), whole["item"].to_pylist(), strict=True)
    items = [item for of, item in dict.fromkeys(labels) if of == level]
    return Weaknesses(
        against_rest(
            source,
            wanted,
            items,
            level,
            confidence,
            named,
            family,
            tuple(chosen) or source.units,
            table.schema.metadata,
        ),
        tuple(chosen) or None,
    )


def _check_adjust(adjust: Any) -> None:
    if isinstance(adjust, str) and adjust == "none":
        return
    if not isinstance(adjust, str):
        raise UsageError(f"`adjust` is one word of {_adjustments()}; found {format_value(adjust)}")
    ADJUSTMENTS.name(adjust)


def _adjustments() -> str:
    return ", ".join([*ADJUSTMENTS, "none"])
