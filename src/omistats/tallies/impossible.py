"""Counts that no cases can have."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import Problem
from omistats.tallies.split import Split

__all__ = ["impossible"]

Counts = npt.NDArray[np.int64]

_HINT = "Write the tally again with `Tally.write`."


def impossible(
    where: str,
    splits: tuple[Split, ...],
    units: tuple[str, ...],
    questions: tuple[str, ...],
    counts: dict[str, Counts],
) -> list[Problem]:
    """List the counts that no cases can have."""
    groups = [(s.key, g) for s in splits for g in s.groups]
    unknown = [(s.key, "unclassified") for s in splits]
    problems = []

    def refuse(bad: npt.NDArray[np.bool_], rows: Any, rule: str, *shown_too: str) -> None:
        if not bad.any():
            return
        u, g, *q = (int(i) for i in np.argwhere(bad)[0])
        at = (u, g, *q)
        figures = ", ".join(
            f"{name} = {counts[name][at[: counts[name].ndim]]}" for name in shown_too
        )
        of = f" of {questions[q[0]]}" if q else ""
        found = f"{figures}{of} in {' '.join(rows[g])}, unit {units[u]}"
        more = int(bad.sum()) - 1
        found += f", and {more} more" if more else ""
        problems.append(Problem(where, rule, found, _HINT))

    for k, n, cases, rows in (
        ("k", "n", "cases", groups),
        ("unknown_k", "unknown_n", "unclassified", unknown),
    ):
        negative = (counts[k] < 0) | (counts[k] > counts[n])
        refuse(negative, rows, "counts are 0 <= k <= n", k, n)
        beyond = counts[n] > counts[cases][:, :, np.newaxis]
        refuse(beyond, rows, "no more answers than cases", n, cases)
    for name, rows in (("cases", groups), ("unclassified", unknown), ("left_out", unknown)):
        refuse(counts[name] < 0, rows, "cases are counted from 0", name)
    problems += _unlike_complements(where, splits, counts)
    return problems


def _unlike_complements(
    where: str, splits: tuple[Split, ...], counts: dict[str, Counts]
) -> list[Problem]:
    """List the complements whose subset and unclassified are more than all."""
    problems = []
    start = 0
    for i, split in enumerate(splits):
        subset, whole = start, start + 1
        start += len(split.groups)
        if split.contrast != "complement":
            continue
        rest = {
            name: counts[name][:, whole] - counts[name][:, subset] - counts[unknown][:, i]
            for name, unknown in (("k", "unknown_k"), ("n", "unknown_n"), ("cases", "unclassified"))
        }
        bad = (rest["k"] < 0) | (rest["k"] > rest["n"])
        if few := int(bad.sum() + (rest["cases"] < 0).sum()):
            rule = f"{split.groups[0]!r} and the unclassified are part of 'all'"
            found = f"more in them, {few} times"
            problems.append(Problem(f"{where}: {split.key}", rule, found, _HINT))
    return problems
