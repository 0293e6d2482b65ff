"""Tests of a survey's two-way table by the book: every cell, exact fractions, plain loops.

Rao, J. N. K. and Scott, A. J. (1984), Annals of Statistics 12(1), 46-60, section 3; Lohr, S. L.
(2010), Sampling: Design and Analysis, 2nd ed., section 10.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tests.kernel.ratio_recount import Row, covariance
from tests.kernel.stratified_recount import solved

Matrix = list[list[Fraction]]


def inside(row: Row) -> bool:
    return row["y"] is not None and row["group"] is not None


def cells(rows: Sequence[Row], groups: Sequence[Any]) -> list[tuple[Any, int]]:
    return [(g, y) for g in groups for y in (1, 0)]


def weight(rows: Sequence[Row], group: Any = None, y: int | None = None) -> Fraction:
    """The weight of a cell, a line, a column or the table."""
    return sum(
        (
            Fraction(r["weight"])
            for r in rows
            if inside(r) and group in (None, r["group"]) and y in (None, r["y"])
        ),
        Fraction(0),
    )


def times(a: Matrix, b: Matrix) -> Matrix:
    return [
        [
            sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0))
            for column in zip(*b, strict=True)
        ]
        for row in a
    ]


def rao_scott(
    rows: Sequence[Row], groups: Sequence[Any], **design: Any
) -> tuple[Fraction, Fraction, Fraction]:
    """Pearson's statistic, and the trace and the sum of squares of the design effects."""
    table = cells(rows, groups)
    used = [r for r in rows if inside(r)]
    n, whole = len([r for r in used if r["weight"]]), weight(rows)
    share = {c: weight(rows, *c) / whole for c in table}
    pearson = Fraction(0)
    for g, y in table:
        alone = weight(rows, g) * weight(rows, y=y) / whole**2
        pearson += n * (share[g, y] - alone) ** 2 / alone
    z = {
        c: [
            Fraction(r["weight"]) * (((r["group"], r["y"]) == c) - share[c]) / whole
            if inside(r)
            else Fraction(0)
            for r in rows
        ]
        for c in table
    }
    # A contrast of one group with the first, within each answer: no line or column sums in it.
    contrasts = [
        [Fraction(((g == h) - (g == groups[0])) * (1 if y else -1)) for g, y in table]
        for h in groups[1:]
    ]
    log = [
        [
            c / share[cell] if share[cell] else Fraction(0)
            for c, cell in zip(row, table, strict=True)
        ]
        for row in contrasts
    ]
    V = [[covariance(rows, z[a], z[b], **design) for b in table] for a in table]
    top = times(times(log, V), [list(column) for column in zip(*log, strict=True)])
    bottom = [
        [sum(a * c / n for a, c in zip(x, row, strict=True)) for row in contrasts] for x in log
    ]
    columns = [solved(bottom, list(column)) for column in zip(*top, strict=True)]
    effects = [list(row) for row in zip(*columns, strict=True)]
    squares = times(effects, effects)
    return (
        pearson,
        sum(effects[i][i] for i in range(len(effects))),
        sum(squares[i][i] for i in range(len(effects))),
    )


def wald(rows: Sequence[Row], groups: Sequence[Any], **design: Any) -> Fraction:
    """Of what cells have above independence, all groups but the first."""
    whole, good = weight(rows), weight(rows, y=1)
    p = good / whole
    above = [weight(rows, g, 1) - weight(rows, g) * p for g in groups[1:]]
    z = [
        [
            Fraction(r["weight"]) * ((r["group"] == g) - weight(rows, g) / whole) * (r["y"] - p)
            if inside(r)
            else Fraction(0)
            for r in rows
        ]
        for g in groups[1:]
    ]
    V = [[covariance(rows, a, b, **design) for b in z] for a in z]
    return sum(a * b for a, b in zip(solved(V, above), above, strict=True))
