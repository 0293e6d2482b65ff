"""A pandas Series goes by its index or is refused, wherever one is taken."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import omistats as oms

FRAMEWORK = oms.Framework(
    "series",
    [
        oms.Question("q1", "First", oms.Link("1", "published")),
        oms.Question("q2", "Second", oms.Link("1", "published")),
    ],
    [oms.Stratum("sex", ("f", "m"))],
    [oms.Item("1", "criterion", "Item")],
    ["sex"],
)
ROWS = 12
INDEXES: dict[str, Any] = {
    "default": pd.RangeIndex(ROWS),
    "text": pd.Index([f"r{i}" for i in range(ROWS)]),
    "numbers backwards": pd.Index(range(ROWS, 0, -1)),
    "every tenth": pd.RangeIndex(0, 10 * ROWS, 10),
    "dates": pd.date_range("2020", periods=ROWS),
    "dates of a zone": pd.date_range("2020", periods=ROWS, tz="Europe/London"),
    "two levels": pd.MultiIndex.from_product([list("abc"), range(ROWS // 3)]),
    "categories": pd.CategoricalIndex([f"r{i}" for i in range(ROWS)]),
    "periods": pd.period_range("2020", periods=ROWS, freq="M"),
    "a null": pd.Index([None, *(f"r{i}" for i in range(1, ROWS))], dtype=object),
    "mixed": pd.Index([1, "a", 2.5, *range(10, ROWS + 7)], dtype=object),
}


def frame(index: Any = None, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "case_id": [f"c{i:02}" for i in range(ROWS)],
            "unit": list("NNNNSSSSEEEE"),
            "sex": rng.choice(["f", "m"], ROWS),
            "q1": rng.integers(0, 2, ROWS),
            "q2": rng.integers(0, 2, ROWS),
            "w": rng.integers(1, 9, ROWS).astype(float),
            "stratum": ["a", "b"] * (ROWS // 2),
            "cluster": [f"k{i // 2}{'ab'[i % 2]}" for i in range(ROWS)],
            "size": [40, 60] * (ROWS // 2),
            "tenure": rng.choice(["owned", "rented"], ROWS),
        },
        index=index,
    )


def read(data: Any) -> oms.CaseSet:
    return oms.CaseSet.from_data(data, framework=FRAMEWORK)


def shuffled(series: pd.Series, seed: int = 3) -> pd.Series:
    return series.iloc[np.random.default_rng(seed).permutation(len(series))]


@pytest.fixture(params=INDEXES)
def indexed(request) -> pd.DataFrame:
    return frame(INDEXES[request.param])


class TestByIndex:
    """A Series with the labels of the frame in another order."""

    def test_a_weight(self, indexed):
        series = shuffled(indexed["w"])
        found = oms.recompute(read(indexed), weight=series, breakdowns=["sex"], questions=["q1"])
        for row in found.table.to_pylist():
            # By hand, from label to weight.
            group = [i for i in range(ROWS) if indexed["sex"].iloc[i] == row["group"]]
            weight = dict(zip(series.index, series, strict=True))
            w = [weight[indexed.index[i]] for i in group]
            yes = [x for x, i in zip(w, group, strict=True) if indexed["q1"].iloc[i] == 1]
            assert row["percent"] == pytest.approx(100 * sum(yes) / sum(w))

    @pytest.mark.parametrize("name", ["weight", "stratum", "cluster", "population"])
    @pytest.mark.parametrize("function", [oms.recompute, oms.scores])
    def test_every_argument_of_a_design(self, indexed, name, function):
        column = {"weight": "w", "population": "size"}.get(name, name)
        design: dict[str, Any] = {"stratum": "stratum", name: column}
        by_name = function(read(indexed), **design).table
        by_series = function(read(indexed), **{**design, name: shuffled(indexed[column])}).table
        assert by_series.equals(by_name)
        # Without a case set, too.
        direct = function(
            indexed, framework=FRAMEWORK, **{**design, name: shuffled(indexed[column])}
        )
        assert direct.table.equals(by_name)

    def test_representativeness(self, indexed):
        caseload = read(indexed)
        mask = [i % 4 != 3 for i in range(ROWS)]
        sample = caseload.filter(mask)
        weight = shuffled(indexed.loc[mask, "w"])
        by_series = oms.representativeness(sample, caseload, weight=weight)
        assert by_series.table.equals(oms.representativeness(sample, caseload, weight="w").table)

    def test_a_mask(self, indexed):
        wanted = indexed["q1"] == 1
        kept = read(indexed).filter(shuffled(wanted))
        assert kept["case_id"].to_pylist() == indexed.loc[wanted.to_numpy(), "case_id"].tolist()

    def test_a_mask_of_a_nullable_type(self, indexed):
        wanted = (indexed["q1"] == 1).astype("boolean")
        kept = read(indexed).filter(shuffled(wanted))
        assert len(kept) == int(indexed["q1"].sum())

    def test_labels_of_a_breakdown(self, indexed):
        class Tenure(oms.Breakdown):
            key = "tenure"
            groups = ("owned", "rented")

            def classify(self, cases):
                return shuffled(indexed["tenure"])

        class Column(oms.Breakdown):
            key = "tenure"
            groups = ("owned", "rented")

        cases = read(indexed)
        assert Tenure().codes(cases).tolist() == Column().codes(cases).tolist()
        by_series, by_column = (
            oms.recompute(cases, breakdowns=[b]).table.drop_columns("breakdown")
            for b in (Tenure(), Column())
        )
        assert by_series.equals(by_column)

    def test_cases_keep_the_index_through_what_makes_other_cases(self, indexed):
        mask = np.arange(ROWS) % 3 != 0
        labels = indexed.index[mask]
        cases = read(indexed).filter(mask).regroup({"N": "n", "S": "s", "E": "n"})
        cases = pickle.loads(pickle.dumps(cases))
        cases = oms.CaseSet.from_data(cases, framework=FRAMEWORK)
        weight = pd.Series(indexed["w"].to_numpy()[mask], labels)
        found = oms.recompute(cases, weight=shuffled(weight), by="unit")
        assert found.table.equals(oms.recompute(cases, weight="w", by="unit").table)

    def test_a_drawn_sample(self):
        caseload = read(frame(INDEXES["text"]).drop(columns=["w", "stratum"]))
        drawn = oms.plan_sample(caseload, size=3, cells=[]).draw(seed=5)
        rows = [int(id[1:]) for id in drawn["case_id"].to_pylist()]
        mask = pd.Series([id < "c06" for id in drawn["case_id"].to_pylist()], INDEXES["text"][rows])
        kept = drawn.filter(shuffled(mask))["case_id"].to_pylist()
        assert kept == [id for id in drawn["case_id"].to_pylist() if id < "c06"]
        weighted = oms.design_weights(drawn, caseload, cells=[]).cases
        assert weighted.filter(shuffled(mask))["case_id"].to_pylist() == kept

    @settings(max_examples=60, deadline=None)
    @given(order=st.permutations(range(ROWS)), other=st.permutations(range(ROWS)))
    def test_any_order_of_frame_and_series(self, order, other):
        data = frame().iloc[list(order)]
        series = (data["w"] > 4).loc[sorted(data.index)].iloc[list(other)]
        if series.index.equals(pd.RangeIndex(ROWS)) and not data.index.equals(series.index):
            return  # tested below
        kept = read(data).filter(series)
        # By hand: label by label.
        truth = {label: value > 4 for label, value in zip(data.index, data["w"], strict=True)}
        expected = [
            id for label, id in zip(data.index, data["case_id"], strict=True) if truth[label]
        ]
        assert kept["case_id"].to_pylist() == expected


class TestInPlace:
    """A Series of the same labels in the same order, and what has no index."""

    def test_a_repeated_label_in_the_same_order(self):
        data = frame(list("aabbccddeeff"))
        cases = read(data)
        assert len(cases.filter(data["q1"] == 1)) == int(data["q1"].sum())

    @pytest.mark.parametrize(
        "make",
        [
            lambda data: data["w"].to_numpy(),
            lambda data: data["w"].tolist(),
            lambda data: pa.array(data["w"]),
            lambda data: pl.Series(data["w"].to_numpy()),
        ],
    )
    def test_arrays_lists_and_columns_of_others(self, indexed, make):
        found = oms.recompute(read(indexed), weight=make(indexed), breakdowns=["sex"])
        assert found.table.equals(
            oms.recompute(read(indexed), weight="w", breakdowns=["sex"]).table
        )

    @pytest.mark.parametrize(
        "convert", [pl.DataFrame, pa.Table.from_pandas, lambda data: data.to_dict("list")]
    )
    def test_numbered_labels_beside_cases_without_an_index(self, convert):
        data = frame()
        cases = read(convert(data))
        assert len(cases.filter(data["q1"] == 1)) == int(data["q1"].sum())

    def test_labels_made_of_the_columns_of_cases(self):
        class Tenure(oms.Breakdown):
            key = "tenure"
            groups = ("owned", "rented")

            def classify(self, cases):
                return cases["tenure"].to_pandas().astype(str)

        data = frame(INDEXES["text"])
        for cases in (read(data), read(frame()).filter(np.arange(ROWS) % 2 == 1)):
            labels = cases["tenure"].to_pylist()
            assert Tenure().codes(cases).tolist() == [Tenure.groups.index(x) for x in labels]

    def test_a_dict_of_series(self):
        data = frame(INDEXES["text"])
        mixed = {name: shuffled(data[name], i) for i, name in enumerate(data)}
        cases = read(mixed)
        first = data.loc[mixed["case_id"].index]
        assert cases["case_id"].to_pylist() == first["case_id"].tolist()
        assert cases["q1"].to_pylist() == [v == 1 for v in first["q1"]]
        assert len(cases.filter(shuffled(data["q1"] == 1))) == int(data["q1"].sum())


class TestRefused:
    def refuse(self, cases: oms.CaseSet, series: pd.Series, word: str) -> None:
        class Own(oms.Breakdown):
            key = "own"
            groups = ("True", "False")

            def classify(self, cases):
                return series.astype(str)

        calls = {
            "mask": lambda: cases.filter(series),
            "weight": lambda: oms.recompute(cases, weight=series),
            "cluster": lambda: oms.recompute(cases, cluster=series),
            "stratum": lambda: oms.scores(cases, stratum=series),
            "population": lambda: oms.scores(cases, stratum="stratum", population=series),
            "breakdown 'own'": lambda: oms.tally(cases, breakdowns=[Own()]),
        }
        for where, call in calls.items():
            with pytest.raises(oms.DataError) as caught:
                call()
            problem = next(p for p in caught.value.problems if "goes by its index" in p.rule)
            assert problem.where == where
            assert word in problem.found
            assert ".to_numpy()" in problem.hint

    def test_other_labels(self):
        data = frame()
        self.refuse(read(data), (data["q1"] == 1).rename(lambda i: i + 1), "labels 1, 2, 3, ...")

    def test_a_repeated_label(self):
        data = frame(list("aabbccddeeff"))
        self.refuse(read(data), (data["q1"] == 1).iloc[::-1], "'f', 'f', 'e'")

    def test_other_labels_beside_cases_without_an_index(self):
        data = frame()
        for convert in (pl.DataFrame, pa.Table.from_pandas):
            cases = read(convert(data))
            self.refuse(cases, (data["q1"] == 1).iloc[::-1], "these came without an index")

    def test_numbers_from_0_beside_the_same_in_another_order(self):
        # They could be labels of the frame before it was sorted, or rows of the cases.
        data = frame().sort_values("w")
        self.refuse(read(data), (data["q1"] == 1).reset_index(drop=True), "labels 0, 1, 2, ...")

    def test_labels_of_other_types(self):
        for index in (INDEXES["dates"], INDEXES["two levels"], INDEXES["text"]):
            data = frame(INDEXES["dates of a zone"])
            self.refuse(read(data), pd.Series(data["q1"].to_numpy() == 1, index), "labels")

    def test_numbered_labels_beside_labels_of_a_frame(self):
        data = frame(INDEXES["text"])
        cases = read(data)
        with pytest.raises(oms.DataError, match=r"those are labels 'r0', 'r1', 'r2', \.\.\."):
            cases.filter((data["q1"] == 1).reset_index(drop=True))

    def test_more_and_fewer_labels_are_another_length(self):
        data = frame()
        cases = read(data)
        for series in (pd.concat([data["w"], data["w"]]), data["w"].iloc[:5]):
            with pytest.raises(oms.DataError, match="Pass 12 weights"):
                oms.recompute(cases, weight=series)
            with pytest.raises(oms.DataError, match="expected 12 Booleans"):
                cases.filter(series > 3)

    def test_all_problems_of_a_design_together(self):
        data = frame()
        other = data["w"].rename(lambda i: i + 1)
        with pytest.raises(oms.DataError) as caught:
            oms.recompute(read(data), weight=other, cluster=other)
        assert [p.where for p in caught.value.problems] == ["weight", "cluster"]

    def test_a_series_by_unit_is_no_mapping(self):
        cases = read(frame())
        by_unit = pd.Series({"N": 40, "S": 50, "E": 60})
        for call in (
            lambda: oms.scores(cases, population=by_unit),
            lambda: oms.recompute(cases, population=by_unit),
            lambda: cases.regroup(by_unit.astype(str)),
        ):
            with pytest.raises(oms.OmistatsError, match=r"\.to_dict\(\)"):
                call()
        with pytest.raises(oms.UsageError, match="Series"):
            oms.plan_sample(cases, size=by_unit)
