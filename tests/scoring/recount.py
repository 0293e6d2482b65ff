"""Recount scores by their definition: loops over cases within units, exact fractions, no arrays.

Cochran, W. G. (1977). Sampling Techniques, 3rd ed., sections 5A (domains) and 6.11 (ratios).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

Row = dict[str, Any]
Member = Callable[[Row], bool]


def score(
    rows: Sequence[Row], questions: Sequence[str], rule: str, member: Member
) -> Fraction | None:
    """Score a group; None where nothing applied."""
    inside = [row for row in rows if member(row)]
    if rule == "pooled":
        answers = [row[q] for row in inside for q in questions if row[q] is not None]
        return Fraction(sum(answers), len(answers)) if answers else None
    if rule == "questions":
        parts = [[row[q] for row in inside if row[q] is not None] for q in questions]
    else:
        parts = [[row[q] for q in questions if row[q] is not None] for row in inside]
    shares = [Fraction(sum(part), len(part)) for part in parts if part]
    return sum(shares, Fraction(0)) / len(shares) if shares else None


def influence(
    rows: Sequence[Row], questions: Sequence[str], rule: str, member: Member
) -> list[Fraction]:
    """Linearise a group's score: the contribution of each case, 0 outside the group."""
    p = score(rows, questions, rule, member)
    assert p is not None
    inside = [row for row in rows if member(row)]
    applied = {q: sum(row[q] is not None for row in inside) for q in questions}
    total = sum(applied.values())
    asked = [q for q in questions if applied[q]]
    scored = sum(any(row[q] is not None for q in questions) for row in inside)
    share = {q: Fraction(sum(row[q] is True for row in inside), applied[q]) for q in asked}
    out = []
    for row in rows:
        answers = {q: row[q] for q in questions if row[q] is not None and member(row)}
        if not answers:
            z = Fraction(0)
        elif rule == "pooled":
            z = (sum(answers.values()) - p * len(answers)) / total
        elif rule == "cases":
            z = (Fraction(sum(answers.values()), len(answers)) - p) / scored
        else:
            z = sum(((a - share[q]) / applied[q] for q, a in answers.items()), Fraction(0))
            z /= len(asked)
        out.append(z)
    return out


def covariance(
    rows: Sequence[Row],
    a: Sequence[Fraction],
    b: Sequence[Fraction],
    lonely: str = "error",
    caseload: int | None = None,
) -> Fraction:
    """Compute the covariance of two sums over cases sampled within units."""
    total = Fraction(0)
    for unit in dict.fromkeys(row["unit"] for row in rows):
        pairs = [(x, y) for row, x, y in zip(rows, a, b, strict=True) if row["unit"] == unit]
        m = len(pairs)
        left = Fraction(1) if caseload is None else 1 - Fraction(m, caseload)
        if left == 0:
            continue
        if m == 1:
            assert lonely in ("remove", "adjust") or pairs == [(0, 0)]
            total += left * pairs[0][0] * pairs[0][1] if lonely == "adjust" else 0
            continue
        mean_a = sum(x for x, _ in pairs) / m
        mean_b = sum(y for _, y in pairs) / m
        products = sum((x - mean_a) * (y - mean_b) for x, y in pairs)
        total += left * Fraction(m, m - 1) * products
    return total


def bare(
    rows: Sequence[Row],
    questions: Sequence[str],
    member: Member,
    lonely: str,
    caseload: int | None = None,
) -> bool:
    """Check whether all the answers are of units of one case, which were removed."""
    drawn = [row["unit"] for row in rows]
    units = {r["unit"] for r in rows if member(r) and any(r[q] is not None for q in questions)}
    open_still = lonely == "remove" and caseload != 1
    return open_still and bool(units) and all(drawn.count(unit) == 1 for unit in units)


def compare(
    rows: Sequence[Row],
    questions: Sequence[str],
    rule: str,
    members: Sequence[Member],
    lonely: str = "error",
    caseload: int | None = None,
) -> tuple[list[float], Any] | None:
    """Return scores of groups and their covariances as fractions; None below two scores."""
    scored = [m for m in members if score(rows, questions, rule, m) is not None]
    if len(scored) < 2:
        return None
    p = [score(rows, questions, rule, m) for m in scored]
    z = [influence(rows, questions, rule, m) for m in scored]
    matrix = [[covariance(rows, a, b, lonely, caseload) for b in z] for a in z]
    return [float(x) for x in p if x is not None], np.array(matrix, dtype=object)


def singular(v: Any) -> bool:
    """Check by exact elimination whether some difference of the groups does not vary."""
    last = len(v) - 1
    rows = [
        [v[i, j] - v[i, last] - v[last, j] + v[last, last] for j in range(last)]
        for i in range(last)
    ]
    # Of a covariance matrix a pivot of 0 means a determinant of 0: no rows need swapping.
    for i in range(last):
        if rows[i][i] == 0:
            return True
        for j in range(i + 1, last):
            share = rows[j][i] / rows[i][i]
            rows[j] = [b - share * a for a, b in zip(rows[i], rows[j], strict=True)]
    return False


def wald(p: Sequence[float], v: Any) -> float:
    """Compute Wald's statistic from its definition, as differences from the last group."""
    C = np.hstack([np.eye(len(p) - 1), -np.ones((len(p) - 1, 1))])
    d = C @ np.array(p)
    return float(d @ np.linalg.inv((C @ v @ C.T).astype(float)) @ d)
