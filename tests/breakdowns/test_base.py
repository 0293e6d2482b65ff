"""What an author writes, and what is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.factories import Gender, Harm, Supervision, frame, read, rows

import omistats as oms

# Internal: the two codes of cases in no group.
from omistats.breakdowns.base import EXCLUDED, UNCLASSIFIED


class Custom(oms.Breakdown):
    """Gives whatever labels a test hands it."""

    key = "custom"
    groups = ("a", "b")
    excluded = ("c",)

    def __init__(self, labels: Any) -> None:
        self.labels = labels

    def classify(self, cases: oms.CaseSet) -> Any:
        return self.labels


class CustomSubset(Custom):
    groups = ("a", "all")
    contrast = "complement"
    excluded = ()


LABELS = ["a", None, "b", "c"]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        pa.array,
        lambda v: pa.array(v, pa.large_string()),
        lambda v: pa.array(v, pa.string_view()),
        lambda v: pa.array(v).dictionary_encode(),
        lambda v: pa.chunked_array([v[:2], v[2:]]),
        lambda v: pa.chunked_array([pa.array(v[:2]), pa.array(v[2:])]).dictionary_encode(),
        lambda v: pa.array(["b", *v]).slice(1),
        lambda v: np.array(v, dtype=object),
        lambda v: np.array(["a", np.nan, "b", "c"], dtype=object),
        pd.Series,
        pd.Categorical,
        lambda v: pd.Series(v, dtype="category"),
        pl.Series,
        lambda v: pl.Series(v).cast(pl.Categorical),
    ],
)
def test_labels_come_in_any_array(make):
    assert Custom(make(LABELS)).codes(read()).tolist() == [0, UNCLASSIFIED, 1, EXCLUDED]


def test_a_null_inside_a_dictionary_is_in_no_group():
    labels = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["a", None, "b"]))
    assert Custom(labels).codes(read()).tolist() == [0, UNCLASSIFIED, 1, UNCLASSIFIED]


@pytest.mark.parametrize(
    "labels",
    [["a"], [], ["a"] * 5, [1, 2, 1, 2], [True, False, None, True], 3, None, [["a"]] * 4, "a"],
)
def test_labels_are_text_one_a_case(labels):
    with pytest.raises(oms.DataError, match=r"breakdown 'custom'.*4 labels, text or null"):
        Custom(labels).codes(read())


def test_labels_outside_the_groups_are_refused_with_a_next_step():
    with pytest.raises(oms.DataError) as caught:
        Custom(["a", "x", "y", "x"]).codes(read())
    text = str(caught.value)
    for word in ("'custom'", "groups are 'a', 'b'", "'x', 'y'", "excluded"):
        assert word in text


def test_only_labels_that_a_case_has_count():
    labels = pa.DictionaryArray.from_arrays(pa.array([0, 0, 2, 2]), pa.array(["a", "unused", "b"]))
    assert Custom(labels).codes(read()).tolist() == [0, 0, 1, 1]


def test_a_complement_takes_every_other_label_for_outside():
    codes = CustomSubset(["a", None, "x", "y"]).codes(read())
    assert codes.tolist() == [0, UNCLASSIFIED, EXCLUDED, EXCLUDED]


def test_nobody_may_be_labelled_all():
    with pytest.raises(oms.DataError, match="'all'"):
        CustomSubset(["a", "all", "x", None]).codes(read())


def test_the_default_reads_the_column_of_its_key_or_another():
    class Named(oms.Breakdown):
        key = "by_gender"
        column = "gender"
        groups = ("f", "m")

    cases = read()
    assert Named().codes(cases).tolist() == Gender().codes(cases).tolist() == [0, 1, 0, 1]

    class Absent(oms.Breakdown):
        key = "gendre"
        groups = ("f", "m")

    said = "breakdown 'gendre': 'gendre'; did you mean 'gender'"
    with pytest.raises(oms.UnknownNameError, match=said):
        oms.recompute(cases, breakdowns=[Absent()])


def test_an_extra_column_serves_a_breakdown_in_fewer_than_15_lines():
    class Tenure(oms.Breakdown):
        """Housing tenure at sentence."""

        key = "tenure"
        groups = ("owned", "rented", "none")

    cases = read(frame(tenure=["owned", "rented", None, "rented"]))
    lines = rows(oms.recompute(cases, breakdowns=[Tenure()], questions="q0"))
    # q0 is yes, no, not applicable, yes.
    assert [(x["group"], x["k"], x["n"]) for x in lines] == [
        ("owned", 1, 1),
        ("rented", 1, 2),
        ("none", 0, 0),
    ]


def test_groups_given_to_an_instance():
    class Banded(oms.Breakdown):
        """Groups that depend on the instance."""

        key = "banded"

        def __init__(self, limit: int) -> None:
            self.limit = limit
            self.groups = (f"up to {limit}", f"over {limit}")

        def classify(self, cases: oms.CaseSet) -> Any:
            over = cases["tenancies"].to_numpy() > self.limit
            return np.where(over, self.groups[1], self.groups[0])

    cases = read(frame(tenancies=[1, 5, 9, 2]))
    lines = rows(oms.recompute(cases, breakdowns=[Banded(4)], questions="q0"))
    assert [(x["group"], x["n"]) for x in lines] == [("up to 4", 2), ("over 4", 1)]


class TestDeclarations:
    def declared(self, **attributes: Any) -> oms.Breakdown:
        made: oms.Breakdown = type("Mine", (oms.Breakdown,), attributes)()
        return made

    @pytest.mark.parametrize(
        ("attributes", "rule"),
        [
            ({"groups": ("a", "b")}, "a breakdown needs a key"),
            ({"key": 3, "groups": ("a", "b")}, "a breakdown needs a key"),
            ({"key": "m"}, "groups must be distinct, at least one"),
            ({"key": "m", "groups": ("a", "a")}, "groups must be distinct"),
            ({"key": "m", "groups": ("a", "all")}, "none of them 'all'"),
            ({"key": "m", "groups": "ab"}, "groups must be a tuple of text"),
            ({"key": "m", "groups": ("a", 1)}, "groups must be a tuple of text"),
            ({"key": "m", "groups": None}, "groups must be a tuple of text"),
            ({"key": "m", "groups": ("a", "b"), "contrast": "complement"}, "(subset, 'all')"),
            ({"key": "m", "groups": ("all", "all"), "contrast": "complement"}, "(subset, 'all')"),
            ({"key": "m", "groups": ("a",), "contrast": "complement"}, "(subset, 'all')"),
            (
                {"key": "m", "groups": ("a", "b"), "contrast": "other"},
                "contrast must be 'groups' or",
            ),
        ],
    )
    def test_are_checked(self, attributes, rule):
        with pytest.raises(oms.DataError) as caught:
            oms.recompute(read(), breakdowns=[self.declared(**attributes)])
        assert rule in str(caught.value)
        assert "Mine" in str(caught.value)

    def test_all_are_reported_together_with_keys_used_twice(self):
        with pytest.raises(oms.DataError) as caught:
            oms.recompute(
                read(),
                breakdowns=[Gender(), self.declared(groups=("a", "a")), Gender(), Harm()],
            )
        text = str(caught.value)
        assert len(caught.value.problems) == 3
        assert "more than once: 'gender'" in text

    def test_text_form(self):
        assert repr(Supervision()) == "Supervision(groups=('community', 'licence'))"


def test_the_six_of_the_report():
    assert [(b.key, b.groups, b.contrast) for b in oms.omi2.STANDARD] == [
        ("supervision_type", ("community order", "licence"), "groups"),
        ("gender", ("male", "female"), "groups"),
        ("ethnicity", ("white", "BME"), "groups"),
        ("disability", ("yes", "no"), "groups"),
        ("age_group", ("17-24", "25+"), "groups"),
        ("risk_of_harm", ("high", "all"), "complement"),
    ]
    assert oms.omi2.SupervisionType.excluded == ("suspended sentence order", "custody")


def test_more_groups_than_a_byte_numbers():
    class Court(oms.Breakdown):
        key = "court"
        groups = tuple(f"court {i}" for i in range(300))

    names = [f"court {i % 300}" for i in range(600)]
    cases = read(frame(600, court=names))
    for by in (None, "unit"):
        counts = oms.tally(cases, by=by, breakdowns=[Court(), Gender(), Harm()])
        assert counts.cases.sum(axis=0)[:300].tolist() == [2] * 300
        assert counts.unclassified.sum() == counts.excluded.sum() == 0
    found = oms.recompute(cases, breakdowns=[Court()], questions="q0").table
    assert found["group"].to_pylist() == list(Court.groups)


class TestWhatUsedToBeLost:
    """Labels that could leave the findings without a word."""

    def test_an_unknown_label_that_a_dictionary_holds_twice(self):
        labels = pa.DictionaryArray.from_arrays(
            pa.array([0, 2, 2, 0], pa.int8()), pa.array(["a", "typo", "typo"])
        )

        class Odd(oms.Breakdown):
            key = "odd"
            groups = ("a", "b")

            def classify(self, cases):
                return labels

        cases = oms.CaseSet.from_data(
            {"case_id": [1, 2, 3, 4], "unit": ["U"] * 4, "q": [True] * 4},
            framework=oms.Framework("f", [oms.Question("q", "Q")]),
        )
        with pytest.raises(oms.DataError, match="labels 'typo'"):
            oms.recompute(cases, breakdowns=[Odd()])

    @pytest.mark.parametrize(
        ("attribute", "value", "message"),
        [
            ("excluded", "none", "excluded labels must be a tuple of text"),
            ("excluded", ("a",), "cannot be both in `groups` and"),
            ("column", 3, "the column's name must be text"),
        ],
    )
    def test_declarations(self, attribute, value, message):
        made = type("Odd", (oms.Breakdown,), {"key": "odd", "groups": ("a", "b"), attribute: value})
        assert message in str(made().problems()[0])

    def test_one_text_is_not_a_label_for_each_case(self):
        class Odd(oms.Breakdown):
            key = "odd"
            groups = ("o",)

            def classify(self, cases):
                return "oo"

        cases = oms.CaseSet.from_data(
            {"case_id": [1, 2], "unit": ["U"] * 2, "q": [True] * 2},
            framework=oms.Framework("f", [oms.Question("q", "Q")]),
        )
        with pytest.raises(oms.DataError, match="one per case; found str"):
            oms.recompute(cases, breakdowns=[Odd()])
