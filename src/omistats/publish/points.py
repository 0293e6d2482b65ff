"""Counted statements: how many questions reach a threshold, differ, or favour a group."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError
from omistats.findings import Findings

__all__ = ["Kind", "Point", "count"]

Floats = npt.NDArray[np.float64]

Kind = Literal["reach", "alike", "differ", "higher"]

_SENTENCES: dict[Kind, str] = {
    "reach": "{value} of {of} aspects reach {threshold}% ({group})",
    "alike": "{value} of {of} aspects show no significant difference by {breakdown}",
    "differ": "{value} of {of} aspects differ significantly by {breakdown}",
    "higher": "{value} of {of} significant differences by {breakdown} favour {group}",
}


@attrs.frozen
class Point:
    """A counted statement about findings.

    Attributes
    ----------
    kind : {'reach', 'alike', 'differ', 'higher'}
        What was counted.
    value : int
        How many questions.
    of : int
        Out of how many: those with a figure, those compared, or, for ``'higher'``,
        those that differ.
    sentence : str
        The statement in words.
    """

    kind: Kind
    value: int
    of: int
    sentence: str


def count(
    findings: Findings, kind: Kind, *, group: str = "", threshold: int | None = None
) -> Point:
    """Count questions of one breakdown of one unit.

    Parameters
    ----------
    findings : Findings
        Of one unit and one breakdown.
    kind : {'reach', 'alike', 'differ', 'higher'}
        ``'reach'`` counts the questions whose printed percentage in ``group`` is at
        least ``threshold``: a reader can only check what is printed. ``'alike'`` and
        ``'differ'`` count comparisons by significance at 5%; ``'higher'`` counts the
        significant ones in which ``group`` has the highest percentage.
    group : str
        For ``'reach'`` and ``'higher'``.
    threshold : int, optional
        For ``'reach'``, in percent.

    Returns
    -------
    Point

    Raises
    ------
    UsageError
        When findings are of several units or breakdowns, or lack the group.
    UnknownNameError
        When there is no such kind.

    Notes
    -----
    Under a complement, a question that applied to the subset only has no figure for
    all cases that is not the subset's own, and does not count towards ``all``.
    """
    if kind not in _SENTENCES:
        raise UnknownNameError("kind of point", kind, _SENTENCES)
    table = findings.table
    for column in ("unit", "breakdown"):
        found = table[column].unique().to_pylist()
        if len(found) != 1:
            raise UsageError(
                f"points are counted within one {column}, found {found}; "
                f"choose one with findings.{column}(...)"
            )
    breakdown = table["breakdown"][0].as_py()
    groups = table["group"].unique().to_pylist()
    if kind in ("reach", "higher") and group not in groups:
        raise UsageError(f"no group {group!r} in the breakdown {breakdown!r}; it has {groups}")
    if kind == "reach" and threshold is None:
        raise UsageError("'reach' needs a threshold in percent")
    percent = _by_question(table, "percent", len(groups))
    printed = _by_question(table, "printed", len(groups))
    compared = ~np.array(table["stars"].is_null().to_pylist()).reshape(-1, len(groups))[:, 0]
    p_value = _by_question(table, "p_value", len(groups))[:, 0]
    with np.errstate(invalid="ignore"):
        significant = p_value < 0.05
    place = groups.index(group) if group else 0
    if kind == "reach":
        shown = ~np.isnan(printed[:, place])
        if group == "all":
            shown &= compared
        value = int((printed[shown, place] >= threshold).sum())
        of = int(shown.sum())
    elif kind == "higher":
        rest = np.delete(percent[significant], place, axis=1)
        # A single group has no others, and nothing differs there.
        highest = np.max(rest, axis=1, initial=-np.inf, where=~np.isnan(rest))
        value = int((percent[significant, place] > highest).sum())
        of = int(significant.sum())
    else:
        of = int(compared.sum())
        value = int(significant.sum())
        if kind == "alike":
            value = of - value
    sentence = _SENTENCES[kind].format(
        value=value,
        of=of,
        threshold=threshold,
        group=f"{group} cases" if group == "all" else group,
        breakdown=breakdown.replace("_", " "),
    )
    return Point(kind, value, of, sentence)


def _by_question(table: pa.Table, column: str, groups: int) -> Floats:
    values = table[column].cast(pa.float64()).to_numpy()
    return np.asarray(values, np.float64).reshape(-1, groups)
