"""False accusations and discoveries by unit, after Holm over the items, by simulation.

    python -m benchmarks.accused_units [--cells N] [--families N] [--programmes N] [--seed S]

writes ``accused_units.csv`` and ``accused_shipped.csv`` in ``docs/_figures``.

Every cell is a made-up programme of ten units and up to twenty items. As in `Scores.weaknesses`
each unit is compared with the rest of the units on every item, and p-values are adjusted by Holm's
method over the items of the unit. In a quarter of the cells two groups of a breakdown inside the
units are compared instead, on every item, as `scores` does. The numbers are those of the functions
that `scores` calls; the first programme of every cell is also scored by `omistats.scores`, and the
adjusted p-values of both rules have to be the same.

A family is the items of one unit, or of the breakdown. Where nothing differs, a family is falsely
accused if any adjusted p-value is 0.05 or less. Where a unit is worse on some items, those of its
items that are credibly below the rest are discoveries. The rules are *effective*, the default, and
*wald*, which has the normal distribution.

The second file is of programmes such as the 2011 one: fifteen units as large as those of the
shipped synthetic cases, whose cases are drawn from all of these together, and its eleven criteria.
Everything goes through `omistats.scores`.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import special

import omistats as oms
from benchmarks.false_accusations import (
    SHIFTS,
    UNITS,
    applicable,
    means,
    sufficient,
)
from omistats.kernel.effective import compare_effective, effective_groups, stratum_sums
from omistats.scoring.effective import EffectiveSums

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RULES = ("effective", "wald")
FOLDER = Path(__file__).parents[1] / "docs" / "_figures"
WEAK = 5
"""One item in so many is worse where there is something to discover."""


@attrs.frozen
class Programme:
    """One made-up situation.

    Attributes
    ----------
    kind : {'units', 'groups'}
        Each unit beside the rest, or two groups of a breakdown inside units.
    cases : int
        Cases of a unit that is judged; of each group per unit on average.
    others : int
        Cases of the units that are not judged.
    judged : int
        How many of the units are judged; the others differ, or are of other sizes.
    items, questions : int
        Items, and questions of each.
    applicable, p, rho, pattern
        As for `benchmarks.false_accusations.Cell`.
    unit_sd : float
        How units differ, on the scale of log odds. The judged unit has the mean score.
    shares : bool
        Whether the share of the first group differs by unit.
    linked : bool
        Whether answers of a case to different items are alike too.
    """

    kind: str
    cases: int
    others: int
    judged: int
    items: int
    questions: int
    applicable: float
    p: float
    rho: float
    pattern: str
    unit_sd: float = 0.0
    shares: bool = False
    linked: bool = False

    @property
    def sizes(self) -> list[int]:
        """Cases by unit."""
        return [self.cases] * self.judged + [self.others] * (UNITS - self.judged)


def programmes(count: int, seed: int) -> list[Programme]:
    """Draw situations over the whole range; every third has 100 to 220 cases a unit."""
    rng = np.random.default_rng(seed)
    out: list[Programme] = []
    while len(out) < count:
        groups = len(out) % 4 == 3
        low, high = (100, 220) if len(out) % 3 == 0 else (5, 220)
        cases = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))
        questions = int(rng.choice([1, 2, 3, 5, 8, 12, 20, 40]))
        share = float(rng.choice([0.05, 0.2, 0.5, 0.8, 1.0]))
        p = float(rng.choice([0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97]))
        rho = float(rng.choice([0.0, 0.05, 0.15, 0.4]))
        # Where questions differ every answer is drawn by itself: not of too many.
        patterns = ["binomial"]
        if questions > 1:
            patterns += ["whole", "skewed"] + ["difficulty"] * (questions <= 8)
        pattern = str(rng.choice(patterns))
        items = int(rng.choice([1, 4, 8, 20]))
        unit_sd = 0.7 if groups else float(rng.choice([0.0, 0.7]))
        others = min(220, cases * int(rng.choice([1, 3])))
        linked = bool(rho) and bool(rng.integers(2))
        unequal = bool(rng.integers(2))
        if groups:
            # Cases are of a group and unit here, so that a unit has up to 220.
            cases = others = max(2, cases // 2)
        # Where hardly a case contributes there is nothing to see.
        if cases * min(1.0, questions * share) < 4:
            continue
        judged = UNITS if groups or (not unit_sd and others == cases) else 1 if unit_sd else 5
        out.append(
            Programme(
                "groups" if groups else "units",
                cases, others, judged, items, questions, share, p, rho, pattern, unit_sd,
                groups and unequal, linked,
            )
        )  # fmt: skip
    return out


@attrs.frozen
class Item:
    """The answers to one item: cases by unit, and by group where groups are compared.

    Attributes
    ----------
    k, n : list of ndarray, each of shape (replicates, cases)
        Sufficient and applicable answers.
    """

    k: list[Floats]
    n: list[Floats]


def _shifted(p: float, by: float) -> float:
    return float(special.expit(special.logit(p) + by))


def draw(one: Programme, replicates: int, shift: float, rng: np.random.Generator) -> list[Item]:
    """Draw programmes; parts are units, or first groups of units and then second groups."""
    if one.kind == "groups":
        share = np.linspace(0.4, 1.6, UNITS) if one.shares else np.ones(UNITS)
        sizes = [max(1, round(one.cases * x)) for x in (*share, *(2 - share))]
    else:
        sizes = one.sizes
    own = [rng.standard_normal((replicates, size)) for size in sizes] if one.linked else None
    items = []
    for item in range(one.items):
        level = rng.normal(0, one.unit_sd, (replicates, UNITS))
        ks, ns = [], []
        for part, (chance, size) in enumerate(
            zip(_chances(one, item, shift, sizes, level), sizes, strict=True)
        ):
            n = applicable(one, (replicates, size), rng)
            person = None
            if own is not None:
                # Half of what answers to an item have in common they share with other items.
                person = np.sqrt(0.5) * (own[part] + rng.standard_normal((replicates, size)))
            ks.append(sufficient(one, n, chance, rng, person))
            ns.append(n)
        items.append(Item(ks, ns))
    return items


def weak(one: Programme) -> Flags:
    """Tell which families are worse on which items where there is something to discover."""
    items = np.arange(one.items)
    if one.kind == "groups":
        return (items % WEAK == 0)[np.newaxis]
    return (np.arange(one.judged)[:, np.newaxis] + items) % WEAK == 0


def _chances(
    one: Programme, item: int, shift: float, sizes: list[int], level: Floats
) -> list[Floats]:
    """Give the true score of every case, by part."""
    replicates = len(level)
    if one.kind == "groups":
        of = [np.repeat(np.arange(UNITS), half) for half in (sizes[:UNITS], sizes[UNITS:])]
        first = _shifted(one.p, -shift if item % WEAK == 0 else 0.0)
        both = [means(p, unit, level) for p, unit in zip((first, one.p), of, strict=True)]
        return [
            chance[:, unit == u]
            for chance, unit in zip(both, of, strict=True)
            for u in range(UNITS)
        ]
    worse = weak(one)[:, item]
    chances = [
        np.full(
            (replicates, size),
            _shifted(one.p, -shift if unit < one.judged and worse[unit] else 0.0),
        )
        for unit, size in enumerate(sizes)
    ]
    if one.unit_sd:
        of = np.repeat(np.arange(UNITS - 1), sizes[1:])
        rest = means(one.p, of, level[:, 1:])
        chances[1:] = [rest[:, of == u] for u in range(UNITS - 1)]
    return chances


def _sums(k: Floats, n: Floats) -> Floats:
    """Sum a stratum of cases, as effective answers need it."""
    some, lacking = (k > 0).sum(axis=-1), (k < n).sum(axis=-1)
    return stratum_sums(n, np.ones(n.shape), k, k * k, some, lacking)


def _moments(k: Floats, n: Floats) -> Floats:
    """Sum what Wald's variance needs: k, n and the spread of k², kn, n² within the stratum."""
    m = n.shape[-1]
    sums = k.sum(axis=-1), n.sum(axis=-1)
    factor = m / (m - 1) if m > 1 else 0.0
    spread = [
        factor * ((x * y).sum(axis=-1) - x.sum(axis=-1) * y.sum(axis=-1) / m)
        for x, y in ((k, k), (k, n), (n, n))
    ]
    return np.stack([*sums, *spread])


def _wald_parts(moments: Floats) -> tuple[Floats, Floats]:
    """Compute a score and its variance."""
    k, n, kk, kn, nn = moments
    p = k / n
    variance = (kk - 2 * p * kn + p * p * nn) / (n * n)
    # What rounding leaves of 0.
    return p, np.where(variance <= 1e-12 * kk / (n * n), 0.0, variance)


def _wald_p(gap: Floats, variance: Floats) -> Floats:
    """Test a difference; two groups without any spread are not tested."""
    z = np.abs(gap) / np.sqrt(np.where(variance > 0, variance, np.nan))
    return special.erfc(z / np.sqrt(2))


def compare_units(item: Item, judged: int) -> dict[str, tuple[Floats, Floats]]:
    """Compare units with the rest: difference and p-value by rule, shape (replicates, units)."""
    sums = np.stack([_sums(k, n) for k, n in zip(item.k, item.n, strict=True)], axis=1)
    all_sums = EffectiveSums(
        sums[..., np.newaxis], sums.sum(axis=1)[..., np.newaxis], np.ones(1, bool)
    )
    own, rest = all_sums.by_unit[..., 0][:, :judged], all_sums.rests()[:, :judged]
    one, two = effective_groups(own), effective_groups(rest)
    effective = compare_effective(one, two, 0.95).p_value
    moments = np.stack([_moments(k, n) for k, n in zip(item.k, item.n, strict=True)], axis=1)
    others = moments.sum(axis=1, keepdims=True) - moments
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, v1 = _wald_parts(moments[:, :judged])
        p2, v2 = _wald_parts(others[:, :judged])
    gap = p1 - p2
    return {"effective": ((one.p - two.p).T, effective.T), "wald": (gap.T, _wald_p(gap, v1 + v2).T)}


def compare_sides(item: Item) -> dict[str, tuple[Floats, Floats]]:
    """Compare the two groups of a breakdown, shape (replicates, 1)."""
    halves = slice(None, UNITS), slice(UNITS, None)
    k1, k2 = (np.concatenate(item.k[half], axis=1) for half in halves)
    n1, n2 = (np.concatenate(item.n[half], axis=1) for half in halves)
    one, two = effective_groups(_sums(k1, n1)), effective_groups(_sums(k2, n2))
    effective = compare_effective(one, two, 0.95).p_value
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = k1.sum(axis=1) / n1.sum(axis=1), k2.sum(axis=1) / n2.sum(axis=1)
        variance = np.zeros(len(k1))
        for unit in range(UNITS):
            z = np.concatenate(
                [
                    (item.k[unit] - p1[:, np.newaxis] * item.n[unit])
                    / n1.sum(axis=1)[:, np.newaxis],
                    (p2[:, np.newaxis] * item.n[UNITS + unit] - item.k[UNITS + unit])
                    / n2.sum(axis=1)[:, np.newaxis],
                ],
                axis=1,
            )
            m = z.shape[1]
            variance += m / (m - 1) * ((z - z.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    # What rounding leaves of 0.
    gap, variance = p1 - p2, np.where(variance < 1e-25, 0.0, variance)
    wald = _wald_p(gap, variance)
    return {
        "effective": ((one.p - two.p)[:, np.newaxis], effective[:, np.newaxis]),
        "wald": (gap[:, np.newaxis], wald[:, np.newaxis]),
    }


def adjusted(one: Programme, items: list[Item]) -> dict[str, tuple[Floats, Floats]]:
    """Adjust by Holm over items: differences and p-values, shape (replicates, families, items)."""
    tests = [
        compare_sides(item) if one.kind == "groups" else compare_units(item, one.judged)
        for item in items
    ]
    out = {}
    for rule in RULES:
        gap, p = (np.stack([test[rule][i] for test in tests], axis=-1) for i in (0, 1))
        out[rule] = gap, np.asarray(oms.stats.adjust(p, "holm"))
    return out


class Side(oms.Breakdown):
    """Two groups of cases."""

    key = "side"
    groups = ("first", "second")


def through_scores(one: Programme, items: list[Item]) -> dict[str, Floats]:
    """Score the first programme by the public functions; adjusted p-values as `adjusted` does."""
    questions = [f"q{i}.{j}" for i in range(one.items) for j in range(one.questions)]
    framework = oms.Framework(
        "programme",
        [oms.Question(id, id, oms.Link(id[1:].split(".")[0], "invented")) for id in questions],
        strata=[oms.Stratum("side", Side.groups)],
        items=[oms.Item(str(i), "criterion", f"Item {i}") for i in range(one.items)],
    )
    sizes = [part.shape[1] for part in items[0].k]
    unit = np.repeat(np.arange(len(sizes)) % UNITS, sizes)
    data: dict[str, Any] = {
        "case_id": list(range(sum(sizes))),
        "unit": [f"U{u}" for u in unit],
        "side": np.where(np.repeat(np.arange(len(sizes)), sizes) < UNITS, *Side.groups).tolist(),
    }
    for i, item in enumerate(items):
        k, n = (np.concatenate([part[0] for part in parts]) for parts in (item.k, item.n))
        for j in range(one.questions):
            data[f"q{i}.{j}"] = [
                None if j >= b else j < a for a, b in zip(k, n, strict=True)
            ]  # fmt: skip
    cases = oms.CaseSet.from_data(data, framework=framework)
    breakdowns = [Side()] if one.kind == "groups" else None
    out = {}
    for rule in RULES:
        scores = oms.scores(
            cases,
            by="unit",
            breakdowns=breakdowns,
            interval=rule,
            test=rule,
        )
        if one.kind == "groups":
            rows = scores.unit("all").breakdown("side").table.to_pylist()
            p = [r["p_value"] for r in rows if r["group"] == "first"]
            found = oms.stats.adjust(np.array(p, float), "holm")
        else:
            rows = scores.weaknesses().table.to_pylist()
            found = [r["p_adjusted"] for r in rows if int(r["unit"][1:]) < one.judged]
        out[rule] = np.array(found, float).reshape(-1, one.items)
    return out


def run(one: Programme, families: int, seed: int) -> dict[str, Any]:
    """Simulate one cell, without a weakness and with two sizes of it."""
    rng = np.random.default_rng(seed)
    row: dict[str, Any] = attrs.asdict(one)
    each = 1 if one.kind == "groups" else one.judged
    cost = sum(one.sizes) * one.items * (one.questions if one.pattern == "difficulty" else 1)
    chunk = max(1, 4_000_000 // (cost * (2 if one.kind == "groups" else 1)))
    for shift, at, share in ((0.0, "", 1.0), *((s, f"_{s:g}", 0.125) for s in SHIFTS)):
        left = max(1, round(families * share / each))
        counts = dict.fromkeys(("families", "weak", *RULES, *(f"{r}_found" for r in RULES)), 0)
        below = dict.fromkeys(RULES, 0)
        first = not shift
        while left:
            items = draw(one, min(left, chunk), shift, rng)
            found = adjusted(one, items)
            if first:
                check(one, items, found)
                first = False
            tested = ~np.isnan(found["effective"][1]).all(axis=-1)
            counts["families"] += int(tested.sum())
            counts["weak"] += len(tested) * int(weak(one).sum())
            for rule, (gap, p) in found.items():
                accused = np.nan_to_num(p, nan=1.0) <= 0.05
                counts[rule] += int((accused.any(axis=-1) & tested).sum())
                credible = accused & (gap < 0)
                below[rule] += int((credible.any(axis=-1) & tested).sum())
                counts[f"{rule}_found"] += int((credible & weak(one)).sum())
            left -= min(left, chunk)
        if not shift:
            row["families"] = counts["families"]
            for rule in RULES:
                row[f"{rule}_false"] = round(counts[rule] / counts["families"], 5)
                row[f"{rule}_below"] = round(below[rule] / counts["families"], 5)
        else:
            row[f"weak{at}"] = counts["weak"]
            for rule in RULES:
                row[f"{rule}_found{at}"] = counts[f"{rule}_found"]
    return row


def check(one: Programme, items: list[Item], found: dict[str, tuple[Floats, Floats]]) -> None:
    """Refuse p-values that the public functions do not give."""
    public = through_scores(one, items)
    for rule in RULES:
        mine = found[rule][1][0]
        np.testing.assert_allclose(
            mine, public[rule], rtol=1e-7, atol=1e-12, err_msg=f"{rule} {one}"
        )


def rows(count: int, families: int, seed: int) -> Iterator[dict[str, Any]]:
    """Simulate cells one after another."""
    for place, one in enumerate(programmes(count, seed)):
        yield run(one, families, seed + place)


def shipped(programmes: int, shift: float, seed: int) -> dict[str, Any]:
    """Draw programmes from the shipped cases, and count what their weaknesses say.

    In one unit of five by criterion, so many sufficient answers are made insufficient that the
    log odds of each question fall by ``shift``.
    """
    rng = np.random.default_rng(seed)
    cases = oms.omi2.load_synthetic()
    table = pa.table(cases)
    names = np.array(table["unit"].to_pylist())
    feeds: dict[str, list[str]] = {}
    for question in cases.framework.questions:
        if question.criterion is not None:
            feeds.setdefault(question.criterion.item, []).append(question.id)
    scored = oms.scores(cases, by="unit").weaknesses("U01").table["item"].to_pylist()
    feeds = {item: feeds[item] for item in scored}
    answers = {q: table[q].to_numpy(zero_copy_only=False) for own in feeds.values() for q in own}
    units = list(cases.units)
    unit = np.array([units.index(name) for name in names])
    worse = (np.arange(len(units))[:, np.newaxis] + np.arange(len(feeds))) % WEAK == 0
    row: dict[str, Any] = {
        "shift": shift,
        "families": programmes * len(units),
        "least_cases": int(np.bincount(unit).min()),
        "most_cases": int(np.bincount(unit).max()),
        "items": len(feeds),
        "weak": programmes * int(worse.sum()) if shift else 0,
    }
    counts = {f"{rule}_{name}": 0 for name in ("false", "below", "found") for rule in RULES}
    for _ in range(programmes):
        drawn = table.take(rng.integers(0, len(names), len(names)))
        data: dict[str, Any] = {name: drawn[name] for name in drawn.column_names}
        data |= {"case_id": table["case_id"], "unit": table["unit"]}
        if shift:
            for place, own in enumerate(feeds.values()):
                here = worse[unit, place]
                for q in own:
                    values = drawn[q].to_numpy(zero_copy_only=False)
                    p = float(np.mean([v for v in answers[q] if v is not None]))
                    lost = 1 - _shifted(p, -shift) / p
                    fails = here & (rng.random(len(here)) < lost)
                    data[q] = pa.array(
                        [False if f and v else v for f, v in zip(fails, values, strict=True)],
                        pa.bool_(),
                    )
        made = oms.CaseSet.from_data(pa.table(data), framework=cases.framework)
        for rule in RULES:
            found = oms.scores(made, by="unit", interval=rule, test=rule).weaknesses().table
            shape = len(units), len(feeds)
            p_adjusted = np.array(found["p_adjusted"].to_pylist(), float).reshape(shape)
            credible = np.array(found["credible"].to_pylist(), bool).reshape(shape)
            if not shift:
                counts[f"{rule}_false"] += int((p_adjusted <= 0.05).any(axis=1).sum())
                counts[f"{rule}_below"] += int(credible.any(axis=1).sum())
            else:
                counts[f"{rule}_found"] += int((credible & worse).sum())
    return row | counts


def _write(path: Path, found: Iterator[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = None
        for row in found:
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            file.flush()


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--cells", type=int, default=96)
    parser.add_argument("--families", type=int, default=2000)
    parser.add_argument("--programmes", type=int, default=400)
    parser.add_argument("--seed", type=int, default=20112)
    given = parser.parse_args()
    if given.cells:
        _write(FOLDER / "accused_units.csv", rows(given.cells, given.families, given.seed))
    shifts = (0.0, 0.2, 0.4, 0.8)
    made = (
        shipped(given.programmes // (4 if shift else 1), shift, given.seed + place)
        for place, shift in enumerate(shifts)
    )
    _write(FOLDER / "accused_shipped.csv", made)


if __name__ == "__main__":
    main()
