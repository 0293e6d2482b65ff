"""Recount comparisons of units in plain Python from made-up answers.

The kernel's functions have their own tests against outside oracles. These tests check that the
right numbers of the right units reach them, and are returned under the right names.

Spiegelhalter, D. J. (2005). Statistics in Medicine 24, 1185-1202 (funnels), and Quality and
Safety in Health Care 14, 347-351 (overdispersion). Cochran, W. G. (1954). Biometrics 10, 101-129.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import pytest
from tests.scoring import recount
from tests.scoring.programme import FRAMEWORK, SIZES, STRATA, feeds

UNITS = list(SIZES)
ITEM = "safety"
COLUMNS = [
    *("unit", "order", "k", "n", "percent", "se", "low", "high"),
    *("low_95", "high_95", "low_99_8", "high_99_8", "beyond"),
    *("z", "z_multiplicative", "z_additive", "rank", "rank_low", "rank_high"),
    *("joint_low", "joint_high", "above", "below", "lowest_quarter", "lowest_quarter_se"),
    *("below_threshold", "reason", "reliability"),
    *("cases", "effective_n", "effective_df", "interval_method"),
]
LEVELS = {"95": 0.95, "99_8": 0.998}
FEW = {"draws": 200}

Rows = list[dict[str, Any]]


def made_up(
    seed: int, quality: tuple[float, ...], sizes: tuple[int, ...] = (14, 11, 9, 12, 8, 10)
) -> Rows:
    """Draw cases whose answers are correlated, with the given quality of each unit."""
    draw = random.Random(seed)
    rows = []
    for unit, size, good in zip(UNITS, sizes, quality, strict=True):
        for _ in range(size):
            chance = min(1.0, max(0.0, draw.gauss(good, 0.2)))
            row = {**dict.fromkeys(STRATA), "case_id": f"m{len(rows)}", "unit": unit}
            for q in FRAMEWORK.question_ids:
                row[q] = draw.random() < chance if draw.random() < 0.8 else None
            rows.append(row)
    return rows


ALIKE = (0.7, 0.68, 0.72, 0.7, 0.66, 0.74)
APART = (0.95, 0.4, 0.7, 0.55, 0.85, 0.2)


def with_gaps() -> Rows:
    """Draw cases with a unit of one case, and a unit to which nothing applied."""
    rows = made_up(5, APART, (14, 11, 9, 12, 1, 4))
    for row in rows:
        if row["unit"] == "isle":
            row.update(dict.fromkeys(feeds(ITEM)))
        if row["unit"] == "coast":
            row.update(dict.fromkeys(feeds(ITEM), True))
    return rows


CASES = {"alike": made_up(1, ALIKE), "apart": made_up(2, APART), "gaps": with_gaps()}


def count(rows: Rows, unit: str) -> dict[str, Any]:
    """Score one unit, its variance from the cases within it."""
    mine = [r for r in rows if r["unit"] == unit]
    answers = [r[q] for r in mine for q in feeds(ITEM) if r[q] is not None]
    out: dict[str, Any] = {"unit": unit, "k": sum(answers), "n": len(answers), "p": None}
    out["se"] = None
    if answers:
        out["p"] = Fraction(sum(answers), len(answers))
        if len(mine) > 1:
            z = recount.influence(mine, feeds(ITEM), "pooled", lambda row: True)
            out["se"] = math.sqrt(recount.covariance(mine, z, z))
    return out


def quantile(values: list[float], q: float) -> float:
    """Compute a quantile of Hyndman and Fan's type 7."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * q
    left = math.floor(at)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + (ordered[right] - ordered[left]) * (at - left)


def compare(
    rows: Rows, baseline: float | None, scale: str, overdispersion: str
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Recount everything but the simulation."""
    units = [count(rows, u) for u in UNITS]
    scored = [u for u in units if u["p"] is not None]
    sure = [u for u in scored if u["se"] is not None]
    p0 = float(Fraction(sum(u["k"] for u in units), sum(u["n"] for u in units)))
    if baseline is not None:
        p0 = baseline / 100
    effect = sum((u["n"] * u["se"]) ** 2 for u in sure)
    effect /= sum(u["n"] * u["p"] * (1 - u["p"]) for u in sure)

    def to(p: float) -> float:
        return math.asin(math.sqrt(p)) if scale == "arcsine" else p

    for u in scored:
        binomial = 0.25 / u["n"] if scale == "arcsine" else p0 * (1 - p0) / u["n"]
        u["s"] = math.sqrt(binomial * effect)
        u["z"] = (to(u["p"]) - to(p0)) / u["s"]
    ends = [quantile([u["z"] for u in scored], q) for q in (0.1, 0.9)]
    squares = sum(min(max(u["z"], ends[0]), ends[1]) ** 2 for u in scored)
    phi = max(1.0, squares / len(scored))
    w = [1 / u["s"] ** 2 for u in scored]
    tau2 = (squares - (len(w) - 1)) / (sum(w) - sum(x * x for x in w) / sum(w))
    tau2 = max(0.0, tau2)

    for u in scored:
        u["z_multiplicative"] = u["z"] / math.sqrt(phi)
        u["z_additive"] = u["z"] * u["s"] / math.sqrt(u["s"] ** 2 + tau2)
        v = u["s"] ** 2
        v = {"none": v, "multiplicative": v * phi, "additive": v + tau2}[overdispersion]
        u["beyond"] = 0.0
        for name, level in LEVELS.items():
            reach = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(v)
            low, high = to(p0) - reach, to(p0) + reach
            if scale == "arcsine":
                low, high = max(low, 0.0), min(high, math.pi / 2)
                low, high = math.sin(low) ** 2, math.sin(high) ** 2
            low, high = max(low, 0.0), min(high, 1.0)
            u[f"low_{name}"], u[f"high_{name}"] = 100 * low, 100 * high
            if not low <= u["p"] <= high:
                u["beyond"] = level
    w = [1 / u["se"] ** 2 for u in sure]
    mean = sum(a * u["p"] for a, u in zip(w, sure, strict=True)) / sum(w)
    q = sum(a * (u["p"] - mean) ** 2 for a, u in zip(w, sure, strict=True))
    for u in sure:
        higher = sum(v["p"] > u["p"] for v in sure)
        u["rank"] = 1 + higher + (sum(v["p"] == u["p"] for v in sure) - 1) / 2
    facts = {"p0": p0, "effect": effect, "phi": phi, "tau2": tau2, "q": q, "df": len(sure) - 1}
    return units, facts


def same(given: Any, expected: Any) -> None:
    """Compare a value with its recount; an unknown value is null, not NaN."""
    if expected is None:
        assert given is None
    else:
        assert given == pytest.approx(float(expected), rel=1e-9, abs=1e-10)
