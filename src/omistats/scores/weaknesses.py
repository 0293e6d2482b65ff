"""A unit's scores against all the others' together: where it is credibly below them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import attrs
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError, check_word, described, listed
from omistats.findings import show
from omistats.findings.frames import Exports
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.options import check_confidence
from omistats.model.marks import is_synthetic
from omistats.model.strata import ALL
from omistats.scores.charts import whole_cases
from omistats.scores.options import refuse
from omistats.scores.rest import Source, against_rest

__all__ = ["Adjustment", "Family", "Level", "Weaknesses", "find_weaknesses"]

Adjustment = Literal["holm", "bonferroni", "bh", "none"]
Family = Literal["unit", "all"]
Level = Literal["criterion", "section", "headline"]

_ROWS = 24


@attrs.frozen(eq=False, repr=False)
class Weaknesses(Exports):
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

    def __repr__(self) -> str:
        return show.as_text(*self._shown(), labels=2)

    def _repr_html_(self) -> str:
        return show.as_html(*self._shown())

    def _shown(self) -> tuple[str, list[list[str]], str]:
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
        return head, lines, f"... and {left:,} more rows in .table" if left > 0 else ""


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def find_weaknesses(
    table: pa.Table,
    source: Source | None,
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
        chosen.extend(listed("others", others, "units"))
        if unknown := [u for u in chosen if u not in source.units]:
            raise UnknownNameError("unit", unknown, source.units)
        if not chosen:
            raise UsageError("`others` names no units; leave it out for all others")

    refuse(
        lambda: check_word("unit", unit, here) if unit is not None else None,
        lambda: check_word("level", level, get_args(Level)),
        lambda: (
            check_word("level of these scores", level, levels) if level in get_args(Level) else None
        ),
        lambda: check_confidence(confidence),
        lambda: _check_adjust(adjust),
        lambda: check_word("family", family, get_args(Family)),
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
        raise UsageError(f"`adjust` is one word of {_adjustments()}; found {described(adjust)}")
    ADJUSTMENTS.name(adjust)


def _adjustments() -> str:
    return ", ".join([*ADJUSTMENTS, "none"])
