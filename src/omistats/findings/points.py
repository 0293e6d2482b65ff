"""Count the questions that reach a threshold, differ or favour a group."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError, visible
from omistats.findings.findings import Findings
from omistats.model.framework import ALL

__all__ = ["Kind", "Point", "count"]


Floats = npt.NDArray[np.float64]

Kind = Literal["reach", "alike", "differ", "higher"]

_SENTENCES: dict[Kind, str] = {
    "reach": "{value} of {of} {noun} reach {threshold}% ({group})",
    "alike": "{value} of {of} {noun} show no significant difference by {breakdown}",
    "differ": "{value} of {of} {noun} differ significantly by {breakdown}",
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
        Number of questions counted.
    of : int
        Number of questions in all: those with a figure, those compared, or, for
        ``'higher'``, those that differ.
    sentence : str
        The statement in words.

    Examples
    --------
    >>> import omistats as oms
    >>> from omistats.findings.points import count
    >>> counts = [[14, 9], [12, 20]], [[20, 30], [16, 25]]
    >>> asked = {"questions": ["plan", "review"], "groups": ["north", "south"]}
    >>> count(oms.Findings.from_counts(*counts, **asked), "reach", group="north", threshold=75)
    Point(kind='reach', value=1, of=2, sentence='1 of 2 questions reach 75% (north)')
    """

    kind: Kind
    value: int
    of: int
    sentence: str


def count(
    findings: Findings,
    kind: Kind,
    *,
    group: str = "",
    threshold: int | None = None,
    noun: str = "questions",
) -> Point:
    """Count questions of one breakdown of one unit.

    Parameters
    ----------
    findings : Findings
        Findings of one unit and one breakdown.
    kind : {'reach', 'alike', 'differ', 'higher'}
        ``'reach'`` counts the questions whose printed percentage in ``group`` is at
        least ``threshold``; readers can check printed percentages only. ``'alike'`` and
        ``'differ'`` count comparisons by significance at 5%. ``'higher'`` counts the
        significant ones in which ``group`` has the highest percentage of those tested.
    group : str
        Group of ``'reach'`` and ``'higher'``.
    threshold : int, optional
        Threshold of ``'reach'``, in percent.
    noun : str
        Word for questions in the sentence, in the plural.

    Returns
    -------
    Point
        The count, the number it is out of, and the sentence.

    Raises
    ------
    UsageError
        When findings are of several units or breakdowns, or lack the group.
    UnknownNameError
        When the kind is unknown.

    Notes
    -----
    In a complement, a question may apply to the subset only; then the figures of ``all`` are
    those of the subset, and ``'reach'`` does not count the question for ``all``. It does count
    a question that applied to nobody in the subset.

    A complement tests the subset against the cases outside it, so ``'higher'`` compares these
    two: ``all`` means the cases outside, without unclassified cases if the test excluded them.
    """
    if kind not in _SENTENCES:
        raise UnknownNameError("kind of point", kind, _SENTENCES)
    table = findings.table
    for column in ("unit", "breakdown"):
        found = table[column].unique().to_pylist()
        if len(found) != 1:
            raise UsageError(
                f"points are counted within one {column}; found {found}; "
                f"choose one with findings.{column}(...)"
            )
    breakdown = table["breakdown"][0].as_py()
    groups = table["group"].unique().to_pylist()
    if kind in ("reach", "higher") and group not in groups:
        raise UsageError(
            f"no group {group!r} in the breakdown {breakdown!r}; choose from {', '.join(groups)}"
        )
    if kind == "reach" and threshold is None:
        raise UsageError("'reach' needs a threshold in percent, as threshold=75; found None")
    printed = _by_question(table, "printed", len(groups))
    compared = ~np.array(table["stars"].is_null().to_pylist()).reshape(-1, len(groups))[:, 0]
    p_value = _by_question(table, "p_value", len(groups))[:, 0]
    with np.errstate(invalid="ignore"):
        significant = p_value < 0.05
    place = groups.index(group) if group else 0
    if kind == "reach":
        counted = ~np.isnan(printed[:, place])
        n = _by_question(table, "n", len(groups))
        if group == ALL and _contrast(table) != "groups":
            counted &= n[:, 0] < n[:, 1]
        value = int((printed[counted, place] >= threshold).sum())
        of = int(counted.sum())
    elif kind == "higher":
        proportion = _tested_proportions(findings, len(groups))[significant]
        others = np.delete(proportion, place, axis=1)
        # `initial`, because a single group has no others.
        highest = np.max(others, axis=1, initial=-np.inf, where=~np.isnan(others))
        value = int((proportion[:, place] > highest).sum())
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
        noun=noun,
        group=f"{group} cases" if group == ALL else group,
        breakdown=breakdown.replace("_", " "),
    )
    return Point(kind, value, of, visible(sentence))


def _by_question(table: pa.Table, column: str, groups: int) -> Floats:
    values = table[column].cast(pa.float64()).to_numpy()
    return np.array(values, np.float64).reshape(-1, groups)


def _contrast(table: pa.Table) -> str:
    """Return the contrast of a table with one breakdown."""
    return str(table["contrast"][0].as_py())


def _tested_proportions(findings: Findings, groups: int) -> Floats:
    """Return the proportions that were compared, a row a question."""
    table = findings.table
    k, n = _by_question(table, "k", groups), _by_question(table, "n", groups)
    if _contrast(table) != "groups":
        # The second side is all cases without the subset.
        k[:, 1] -= k[:, 0]
        n[:, 1] -= n[:, 0]
    if _contrast(table) == "known complement":
        counts = findings.tally
        unit = counts.units.index(table["unit"][0].as_py())
        split = [s.key for s in counts.splits].index(table["breakdown"][0].as_py())
        questions = [counts.questions.index(q) for q in table["question"].to_pylist()[::groups]]
        k[:, 1] -= counts.unknown_k[unit, split, questions]
        n[:, 1] -= counts.unknown_n[unit, split, questions]
    with np.errstate(invalid="ignore"):
        return k / n
