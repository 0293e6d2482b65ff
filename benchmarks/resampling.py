"""Max-T, the bootstrap and permutations of cases beside NumPy loops over shuffles and draws.

``python -m benchmarks.resampling [--rounds 5] [--draws 2000]``, from the root of the repository.

Max-T has three loops beside it. All shuffle in each turn, and all but the last compute the
statistics of all questions at once:

- ``rows picked`` adds up the rows of the group, picked by a mask, as most would write it. How
  many times faster is asked is of this one, and of the bootstrap's ``rows drawn``.
- ``one product`` multiplies groups and answers, which is most of what can be gained in a loop.
- ``test by test`` picks rows too, and takes one question after the other.

Permutations of cases, of one unit and the rest on every criterion, have a loop of
``scipy.stats.permutation_test`` beside them, an item at a time and its draws all at once.

Two parts are timed by themselves, to show what there is to gain: ``limit: one product``
of all shuffles and all answers, and ``limit: random numbers``, a random number for every case and
shuffle. The first no way around was found; of the second omistats draws fewer. All work on the
shipped cases, which are synthetic, and on arrays that are ready.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt
from scipy import stats

import omistats as oms
from benchmarks.interleave import Timings, interleave, machine
from benchmarks.lines import LIMIT
from benchmarks.scores import feeds_of

__all__ = [
    "ASKED",
    "ROWS",
    "WAYS",
    "Answers",
    "adjusted",
    "answers",
    "boot_loop",
    "compare",
    "max_t_loop",
    "permuted",
    "scipy_loop",
]

Floats = npt.NDArray[np.float64]

QUESTIONS: Final = oms.omi2.FRAMEWORK.question_ids
FREE, WITHIN, BOOT = "max-T, free", "max-T, within units", "bootstrap"
ASKED: Final = {FREE: 25, WITHIN: 25, BOOT: 40}
"""How many times faster than the loops over rows each is meant to be."""
ROWS, PRODUCT, TESTS = WAYS = ("rows picked", "one product", "test by test")
DRAWN: Final = "rows drawn"
PERMUTED, SCIPY = "permuted cases", "scipy, by item"
UNIT: Final = "U01"
PARTS: Final = (f"{LIMIT}one product", f"{LIMIT}random numbers")


@attrs.frozen(eq=False)
class Answers:
    """Answers as whole arrays: who is sufficient, who applicable, whose group, which unit."""

    sufficient: npt.NDArray[np.float32]
    applicable: npt.NDArray[np.float32]
    first: npt.NDArray[np.bool_]
    unit: npt.NDArray[np.int64]


def answers(cases: oms.CaseSet) -> Answers:
    """Take what the loops need out of cases: gender, cases sorted by unit."""
    order = np.argsort(cases.unit_codes, kind="stable")
    columns = [cases[q] for q in QUESTIONS]
    yes = np.stack([c.fill_null(False).to_numpy(zero_copy_only=False) for c in columns], axis=1)
    asked = np.stack([c.is_valid().to_numpy(zero_copy_only=False) for c in columns], axis=1)
    gender = np.array(cases["gender"].to_pylist(), object)
    keep = order[np.array([g is not None for g in gender[order]])]
    return Answers(
        yes[keep].astype(np.float32),
        asked[keep].astype(np.float32),
        gender[keep] == "male",
        cases.unit_codes[keep].astype(np.int64),
    )


def _pearson(k1: Any, n1: Any, k: Any, n: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = k1 * (n - n1 - k + k1) - (k - k1) * (n1 - k1)
        return n * cross**2 / (n1 * (n - n1) * k * (n - k))


def _step_down(observed: Floats, shuffled: Floats) -> Floats:
    tested = np.flatnonzero(~np.isnan(observed))
    order = tested[np.argsort(-observed[tested])]
    largest = np.maximum.accumulate(np.nan_to_num(shuffled[:, order])[:, ::-1], axis=1)[:, ::-1]
    p = (1 + (largest >= observed[order] * (1 - 1e-9)).sum(axis=0)) / (len(shuffled) + 1)
    out = np.full(observed.shape, np.nan)
    out[order] = np.maximum.accumulate(p)
    return out


def free_loop(data: Answers, draws: int, seed: int = 1, way: str = ROWS) -> Floats:
    """Shuffle all cases, and count the first group in one of the ways."""
    rng = np.random.default_rng(seed)
    k, n = data.sufficient.sum(axis=0), data.applicable.sum(axis=0)

    def statistics(first: npt.NDArray[np.bool_]) -> Floats:
        if way == ROWS:
            k1, n1 = data.sufficient[first].sum(axis=0), data.applicable[first].sum(axis=0)
            return np.asarray(_pearson(k1, n1, k, n))
        if way == PRODUCT:
            label = first.astype(np.float32)
            return np.asarray(_pearson(label @ data.sufficient, label @ data.applicable, k, n))
        out = np.empty(len(k))
        for q in range(len(k)):
            k1, n1 = data.sufficient[first, q].sum(), data.applicable[first, q].sum()
            out[q] = _pearson(k1, n1, k[q], n[q])
        return out

    shuffled = np.array([statistics(rng.permutation(data.first)) for _ in range(draws)])
    return _step_down(statistics(data.first), shuffled)


def within_loop(data: Answers, draws: int, seed: int = 1, way: str = ROWS) -> Floats:
    """Shuffle within units; sums over each unit's rows, then Mantel and Haenszel's statistic."""
    rng = np.random.default_rng(seed)
    starts = np.flatnonzero(np.diff(data.unit, prepend=-1))
    bounds = list(zip(starts, [*starts[1:], len(data.unit)], strict=True))
    k = np.add.reduceat(data.sufficient, starts, axis=0).astype(np.float64)
    n = np.add.reduceat(data.applicable, starts, axis=0).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, k / n, 0.0)
        spread = np.where(n > 1, share * (1 - share) / (n - 1), 0.0)

    def statistic(k1: Any, n1: Any, q: Any) -> Any:
        variance = (spread[:, q] * n1 * (n[:, q] - n1)).sum(axis=0)
        apart = (k1 - n1 * share[:, q]).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return apart**2 / variance

    def statistics(first: npt.NDArray[np.bool_]) -> Floats:
        if way == ROWS:
            chosen = [(a, first[a:b], b) for a, b in bounds]
            k1 = np.array([data.sufficient[a:b][f].sum(axis=0) for a, f, b in chosen], np.float64)
            n1 = np.array([data.applicable[a:b][f].sum(axis=0) for a, f, b in chosen], np.float64)
            return np.asarray(statistic(k1, n1, slice(None)))
        label = first.astype(np.float32)
        if way == PRODUCT:
            k1 = np.array([label[a:b] @ data.sufficient[a:b] for a, b in bounds], np.float64)
            n1 = np.array([label[a:b] @ data.applicable[a:b] for a, b in bounds], np.float64)
            return np.asarray(statistic(k1, n1, slice(None)))
        out = np.empty(k.shape[1])
        for q in range(k.shape[1]):
            k1 = np.add.reduceat(label * data.sufficient[:, q], starts).astype(np.float64)
            n1 = np.add.reduceat(label * data.applicable[:, q], starts).astype(np.float64)
            out[q] = statistic(k1, n1, q)
        return out

    shuffled = []
    for _ in range(draws):
        first = np.concatenate([rng.permutation(data.first[a:b]) for a, b in bounds])
        shuffled.append(statistics(first))
    return _step_down(statistics(data.first), np.array(shuffled))


def boot_loop(data: Answers, draws: int, seed: int = 1) -> Floats:
    """Draw cases within units by their places; percentages of both groups, then their spread."""
    rng = np.random.default_rng(seed)
    starts = np.flatnonzero(np.diff(data.unit, prepend=-1))
    bounds = list(zip(starts, [*starts[1:], len(data.unit)], strict=True))
    found = np.empty((draws, 2, data.sufficient.shape[1]))
    for i in range(draws):
        drawn = np.concatenate([rng.integers(a, b, b - a) for a, b in bounds])
        for g, inside in enumerate((data.first, ~data.first)):
            rows = drawn[inside[drawn]]
            with np.errstate(divide="ignore", invalid="ignore"):
                found[i, g] = data.sufficient[rows].sum(axis=0) / data.applicable[rows].sum(axis=0)
    return np.asarray(100 * np.nanstd(found, axis=0, ddof=1))


def boot_products(data: Answers, draws: int, seed: int = 1) -> Floats:
    """Draw the same, count how often each case was, and multiply."""
    rng = np.random.default_rng(seed)
    starts = np.flatnonzero(np.diff(data.unit, prepend=-1))
    bounds = list(zip(starts, [*starts[1:], len(data.unit)], strict=True))
    found = np.empty((draws, 2, data.sufficient.shape[1]))
    sides = np.stack([data.first, ~data.first])
    for i in range(draws):
        drawn = np.concatenate([rng.integers(a, b, b - a) for a, b in bounds])
        weights = (np.bincount(drawn, minlength=len(data.unit)) * sides).astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[i] = (weights @ data.sufficient) / (weights @ data.applicable)
    return np.asarray(100 * np.nanstd(found, axis=0, ddof=1))


def max_t_loop(data: Answers, draws: int, within: bool, way: str = ROWS) -> Floats:
    """Adjusted p-values by a loop."""
    return (within_loop if within else free_loop)(data, draws, way=way)


def adjusted(cases: oms.CaseSet, draws: int, within: bool) -> Floats:
    """Adjusted p-values by omistats, NaN where there is none."""
    found = oms.max_t(
        cases,
        breakdowns=["gender"],
        questions=QUESTIONS,
        within="unit" if within else None,
        permutations=draws,
    )
    return np.asarray(found.table["p_adjusted"].to_numpy(), np.float64)


def spread(cases: oms.CaseSet, draws: int) -> Floats:
    """Standard errors by omistats, shape (groups, questions)."""
    found = oms.bootstrap(cases, breakdowns=["gender"], questions=QUESTIONS, draws=draws)
    return np.asarray(found.table["se"].to_numpy(), np.float64).reshape(-1, 2).T


def permuted(cases: oms.CaseSet, draws: int) -> Floats:
    """P-values of a unit and the rest by omistats, scores made anew."""
    made = oms.scores(cases, by="unit", test="permutation", permutations=draws)
    return np.asarray(made.weaknesses(UNIT).table["p_value"].to_numpy(), np.float64)


def scipy_loop(cases: oms.CaseSet, draws: int) -> Floats:
    """The same by `scipy.stats.permutation_test`: it moves the rows of cases."""
    at = cases.units.index(UNIT)
    feeds = feeds_of(cases.framework)
    criteria = [item.id for item in cases.framework.items if item.level == "criterion"]
    rows, rng = np.arange(len(cases)), np.random.default_rng(1)
    inside = cases.unit_codes == at
    out = []
    for questions in (feeds[item] for item in criteria if item in feeds):
        columns = [cases[q] for q in questions]
        k, n = (
            np.sum([c.to_numpy(zero_copy_only=False) for c in found], axis=0, dtype=np.int64)
            for found in (
                [c.fill_null(False) for c in columns],
                [c.is_valid() for c in columns],
            )
        )

        def apart(
            one: Any, other: Any, axis: int, k: npt.NDArray[Any] = k, n: npt.NDArray[Any] = n
        ) -> Any:
            p, q = (k[i].sum(axis=axis) / n[i].sum(axis=axis) for i in (one, other))
            return np.abs(p - q)

        found = stats.permutation_test(
            (rows[inside], rows[~inside]),
            apart,
            vectorized=True,
            n_resamples=draws,
            batch=200,
            alternative="greater",
            rng=rng,
        )
        out.append(found.pvalue)
    return np.array(out)


def compare(rounds: int, draws: int) -> dict[str, Timings]:
    """Time each beside its loops, having seen that they agree within Monte Carlo error.

    Raises
    ------
    ValueError
        When they do not.
    """
    cases = oms.omi2.load_synthetic()
    data = answers(cases)
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, (draws, len(data.unit))).astype(np.float32)
    parts = {
        PARTS[0]: lambda: labels @ data.sufficient,
        PARTS[1]: lambda: rng.integers(0, len(data.unit), labels.shape, np.uint32),
    }
    runs: dict[str, dict[str, Callable[[], Any]]] = {}
    for name, within in ((FREE, False), (WITHIN, True)):
        runs[name] = {"omistats": partial(adjusted, cases, draws, within)}
        runs[name] |= {way: partial(max_t_loop, data, draws, within, way) for way in WAYS}
        runs[name] |= parts
    runs[BOOT] = {
        "omistats": partial(spread, cases, draws),
        DRAWN: partial(boot_loop, data, draws),
        PRODUCT: partial(boot_products, data, draws),
        **parts,
    }
    runs[PERMUTED] = {
        "omistats": partial(permuted, cases, draws),
        SCIPY: partial(scipy_loop, cases, draws),
    }
    loops = {BOOT: DRAWN, PERMUTED: SCIPY}
    out = {}
    for name, calls in runs.items():
        ours, loop = calls["omistats"](), calls[loops.get(name, ROWS)]()
        near = (
            {"rtol": 0.15, "atol": 0.0} if name == BOOT else {"rtol": 0.0, "atol": 3 / draws**0.5}
        )
        if not np.allclose(ours, loop, equal_nan=True, **near):
            raise ValueError(f"{name}: the two ways differ by more than chance")
        out[name] = interleave(calls, rounds)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=2000)
    chosen = parser.parse_args()
    print(", ".join(f"{k} {v}" for k, v in machine().items()), file=sys.stderr)
    print(f"{'':<22}{'':<16}{'ms':>8}{'times':>8}{'asked':>8}")
    for name, times in compare(chosen.rounds, chosen.draws).items():
        for other in times.names:
            ratio = times.ratio(other, "omistats")
            asked = str(ASKED[name]) if other in (ROWS, DRAWN) and name in ASKED else ""
            shown = f"{1000 * times.median(other):>8.0f}{ratio:>8.1f}{asked:>8}"
            print(f"{name:<22}{other:<16}{shown}")


if __name__ == "__main__":
    main()
