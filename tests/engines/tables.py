"""The same cases in several engines, and a comparison of what is counted of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import omistats as oms

ARRAYS = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded")


class FromExpression(oms.Breakdown):
    """Groups made of two columns, one of them no stratum."""

    key = "risk_and_tenure"
    groups = ("high, housed", "other")
    excluded = ("high, homeless",)

    def expression(self) -> Any:
        import narwhals as nw

        high, housed = nw.col("harm") == "high", nw.col("tenure") == "yes"
        other = nw.when(~high).then(nw.lit("other"))
        homeless = nw.when(high & ~housed).then(nw.lit("high, homeless")).otherwise(other)
        return nw.when(high & housed).then(nw.lit("high, housed")).otherwise(homeless)


class Subset(oms.Breakdown):
    """A complement made by an expression, whose column has a null."""

    key = "housed"
    groups = ("yes", "all")
    contrast = "complement"

    def expression(self) -> Any:
        import narwhals as nw

        return nw.col("tenure")


class InPython(oms.Breakdown):
    """What no engine can evaluate."""

    key = "in_python"
    groups = ("a", "b")

    def classify(self, cases: oms.CaseSet) -> Any:
        return ["a"] * len(cases)


def spelled_out(data: Any) -> pa.Table:
    """Give a table with labels as text, as warehouses have them."""
    table = pa.table(data)
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    return table


def assert_same(got: oms.Tally, want: oms.Tally) -> None:
    """Compare every count, and the findings made of them."""
    assert got.units == want.units
    assert got.splits == want.splits
    assert got.questions == want.questions
    for name in ARRAYS:
        mine, theirs = getattr(got, name), getattr(want, name)
        assert mine.dtype == np.int64
        assert np.array_equal(mine, theirs), name
    by: Any = None if want.units == ("all",) else "unit"
    if len(want.units):
        table, expected = (oms.recompute(t, by=by).table for t in (got, want))
        assert table.equals(expected)


def obvious_sums(
    cases: oms.CaseSet,
    splits: Sequence[oms.Breakdown],
    items: Mapping[str, Sequence[str]],
    complement: str,
) -> tuple[list[int], npt.NDArray[np.int64]]:
    """Sum cases, k and k² by n, case by case, with nothing but Python's own numbers."""
    codes = [split.codes(cases).tolist() for split in splits]
    units = cases["unit"].to_pylist()
    answers = {q: cases[q].to_pylist() for questions in items.values() for q in questions}
    domains = [[True] * len(cases)]
    outside = []
    for split, code in zip(splits, codes, strict=True):
        if split.contrast == "complement":
            domains += [[c == 0 for c in code], [True] * len(cases)]
            outside.append([c == -2 or (c == -1 and complement == "all") for c in code])
        else:
            domains += [[c == g for c in code] for g in range(len(split.groups))]
    domains += outside
    width = sum(3 * len(questions) + 2 for questions in items.values())
    out = np.zeros((len(cases.units), len(domains), width), np.int64)
    for case, unit in enumerate(units):
        start = 0
        for questions in items.values():
            given = [answers[q][case] for q in questions if answers[q][case] is not None]
            k, n, most = sum(given), len(given), len(questions)
            own = [0] * (3 * most + 2)
            if n:
                own[n - 1], own[most + n - 1], own[2 * most + n - 1] = 1, k, k * k
                own[-2:] = [k > 0, k < n]
            for d, domain in enumerate(domains):
                if domain[case]:
                    out[cases.units.index(unit), d, start : start + len(own)] += own
            start += len(own)
    return [units.count(u) for u in cases.units], out


def some_items(questions: int) -> dict[str, list[str]]:
    """Give items that share questions."""
    names = [f"q{i}" for i in range(questions)]
    pairs = {"+".join(pair): list(pair) for pair in combinations(names, 2)}
    return {"whole": names, "first": names[:1], **pairs}
