"""Max-T and the bootstrap beside NumPy loops over shuffles and draws.

``python -m benchmarks.resampling [--rounds 5] [--draws 2000]``, from the root of the repository.

The loops do in each turn what one would write for all questions at once: shuffle, count with
array operations, compute the statistics of all questions. ``test by test`` takes the questions
one after the other as well. All work on the shipped cases, which are synthetic, and on
arrays that are ready.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

import omistats as oms
from benchmarks.interleave import Timings, interleave, machine

__all__ = ["ASKED", "Answers", "adjusted", "answers", "boot_loop", "compare", "max_t_loop"]

Floats = npt.NDArray[np.float64]

QUESTIONS: Final = oms.omi2.FRAMEWORK.question_ids
FREE, WITHIN, BOOT = "max-T, free", "max-T, within units", "bootstrap"
ASKED: Final = {FREE: 25, WITHIN: 25, BOOT: 40}
"""How many times faster than the loops each is meant to be."""


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


def free_loop(data: Answers, draws: int, seed: int = 1, by_question: bool = False) -> Floats:
    """Shuffle all cases; one product of the groups and the answers a turn."""
    rng = np.random.default_rng(seed)
    k, n = data.sufficient.sum(axis=0), data.applicable.sum(axis=0)

    def statistics(first: npt.NDArray[np.bool_]) -> Floats:
        if not by_question:
            label = first.astype(np.float32)
            return np.asarray(_pearson(label @ data.sufficient, label @ data.applicable, k, n))
        out = np.empty(len(k))
        for q in range(len(k)):
            k1, n1 = data.sufficient[first, q].sum(), data.applicable[first, q].sum()
            out[q] = _pearson(k1, n1, k[q], n[q])
        return out

    shuffled = np.array([statistics(rng.permutation(data.first)) for _ in range(draws)])
    return _step_down(statistics(data.first), shuffled)


def within_loop(data: Answers, draws: int, seed: int = 1, by_question: bool = False) -> Floats:
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
        label = first.astype(np.float32)
        if not by_question:
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


def max_t_loop(data: Answers, draws: int, within: bool, by_question: bool = False) -> Floats:
    """Adjusted p-values by a loop."""
    return (within_loop if within else free_loop)(data, draws, by_question=by_question)


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


def compare(rounds: int, draws: int) -> dict[str, Timings]:
    """Time each beside its loops, having seen that they agree within Monte Carlo error.

    Raises
    ------
    ValueError
        When they do not.
    """
    cases = oms.omi2.load_synthetic()
    data = answers(cases)
    runs: dict[str, dict[str, Callable[[], Floats]]] = {
        name: {
            "omistats": lambda w=within: adjusted(cases, draws, w),  # type: ignore[misc]
            "loop": lambda w=within: max_t_loop(data, draws, w),  # type: ignore[misc]
            "loop, test by test": lambda w=within: max_t_loop(data, draws, w, True),  # type: ignore[misc]
        }
        for name, within in ((FREE, False), (WITHIN, True))
    }
    runs[BOOT] = {
        "omistats": lambda: spread(cases, draws),
        "loop": lambda: boot_loop(data, draws),
    }
    out = {}
    for name, calls in runs.items():
        ours, loop = calls["omistats"](), calls["loop"]()
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
    print(f"{'':<22}{'omistats, ms':>14}{'loop':>9}{'times':>8}{'asked':>7}")
    for name, times in compare(chosen.rounds, chosen.draws).items():
        own = 1000 * times.median("omistats")
        for other in times.names[1:]:
            ratio = times.ratio(other, "omistats")
            slow = 1000 * times.median(other)
            print(f"{name:<22}{own:>14.0f}{slow:>9.0f}{ratio:>8.1f}{ASKED[name]:>7}  {other}")


if __name__ == "__main__":
    main()
