"""Intervals of weighted percentages cover the true shares of a real population.

The population are the Californian schools of R's survey (tests/oracles/schools.R).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.factories import oracle

import omistats as oms

SHARES = ("sch.wide", "comp.imp", "both", "awards")
KINDS = ("E", "H", "M")
FRAMEWORK = oms.Framework(
    "schools", [oms.Question(s, s) for s in SHARES], strata=[oms.Stratum("kind", KINDS)]
)


class Elementary(oms.Breakdown):
    key = "kind"
    groups = ("E", "all")
    contrast = "complement"


@cache
def population() -> dict[str, Any]:
    rows = oracle("schools.csv")
    times = [int(row["schools"]) for row in rows]
    whole = {c: np.repeat([row[c] for row in rows], times) for c in ("dnum", "stype")}
    return whole | {s: np.repeat([row[s] == "1" for row in rows], times) for s in SHARES}


def test_the_true_shares_are_those_of_the_package():
    whole = population()
    assert len(whole["stype"]) == 6194
    assert len(set(whole["dnum"])) == 757
    shares = [round(float(whole[share].mean()), 3) for share in SHARES]
    assert shares == [0.827, 0.724, 0.711, 0.673]


def simple(rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    at = rng.choice(6194, 200, replace=False)
    return at, {"weight": [6194 / 200] * 200, "stratum": None, "population": 6194}


def by_type(rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    kind = population()["stype"]
    drawn, sizes, weights = [], {}, []
    for name, size in zip(KINDS, (100, 50, 50), strict=True):
        own = np.flatnonzero(kind == name)
        drawn.append(rng.choice(own, size, replace=False))
        weights += [len(own) / size] * size
        sizes[name] = len(own)
    at = np.concatenate(drawn)
    return at, {"weight": weights, "stratum": kind[at], "population": sizes}


def few_of_districts(rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    """Five schools of each of 40 districts, or all if it has no more."""
    district = population()["dnum"]
    drawn, weights = [], []
    for name in rng.choice(np.unique(district), 40, replace=False):
        own = np.flatnonzero(district == name)
        size = min(5, len(own))
        drawn.append(rng.choice(own, size, replace=False))
        weights += [757 / 40 * len(own) / size] * size
    at = np.concatenate(drawn)
    return at, {"weight": weights, "stratum": None, "cluster": district[at]}


@pytest.mark.slow
@pytest.mark.parametrize("draw", [simple, by_type, few_of_districts])
def test_findings_and_ratios_cover_the_true_shares(
    draw: Callable[[np.random.Generator], tuple[Any, dict[str, Any]]],
):
    rng = np.random.default_rng(20000)
    whole = population()
    draws, held = 300, {"findings": np.zeros(4), "ratio": np.zeros(4)}
    truth = np.array([100 * whole[share].mean() for share in SHARES])
    for _ in range(draws):
        at, design = draw(rng)
        data = {
            "case_id": np.arange(len(at)),
            "unit": ["state"] * len(at),
            "kind": whole["stype"][at],
        }
        data |= {share: whole[share][at] for share in SHARES}
        cases = oms.CaseSet.from_data(data, framework=FRAMEWORK)
        found = oms.recompute(cases, breakdowns=[Elementary()], **design).table.to_pylist()
        ends = {"findings": [(r["low"], r["high"]) for r in found if r["group"] == "all"]}
        each = [oms.stats.ratio(whole[s][at], np.ones(len(at)), **design) for s in SHARES]
        ends["ratio"] = [(100 * float(one.low), 100 * float(one.high)) for one in each]
        for name, limits in ends.items():
            low, high = np.array(limits, float).T
            held[name] += (low <= truth) & (truth <= high)
    error = np.sqrt(0.95 * 0.05 / draws)
    for name, covered in held.items():
        assert (covered / draws >= 0.95 - 3 * error).all(), (name, covered / draws)
        assert covered.mean() / draws >= 0.95 - error, (name, covered / draws)
