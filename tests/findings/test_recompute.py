"""Findings against a slow, obvious recount, and the rules that findings obey."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import chi2_contingency
from statsmodels.stats.proportion import proportion_confint
from tests.factories import (
    BREAKDOWNS,
    Gender,
    Harm,
    OneGroup,
    Supervision,
    Tier,
    dirty_bits,
    frame,
    framework,
    random_frame,
    read,
    rows,
)

import omistats as oms

SIZES = (1, 5, 7, 8, 9, 63, 64, 65, 130, 257)

TIERS = ["1", "2", "3", "4"]

# Said again by hand, so that the recount shares nothing with the package.
SPECIFICATIONS: list[tuple[str, str, list[str], bool]] = [
    ("supervision", "supervision", ["community", "licence"], False),
    ("gender", "gender", ["f", "m"], False),
    ("harm", "harm", ["high", "all"], True),
    ("tier", "tier", ["1", "2", "3", "4"], False),
    ("one_group", "gender", ["f"], False),
]


SMALL = "small expected count"


def count(values: list[bool | None]) -> tuple[int, int]:
    k = n = 0
    for value in values:
        if value is not None:
            n += 1
            if value:
                k += 1
    return k, n


def outcome_of(groups: list[tuple[int, int]]) -> dict[str, Any]:
    left = [(k, n - k) for k, n in groups if n > 0]
    nothing = dict.fromkeys(("statistic", "df", "p_value", "stars", "method"))
    if len(left) < 2:
        return {**nothing, "reason": "no second group to compare with", "expected": None}
    if sum(k for k, _ in left) == 0 or sum(f for _, f in left) == 0:
        return {**nothing, "stars": "--", "reason": "every answer is the same", "expected": 0.0}
    found = chi2_contingency(np.array(left), correction=False)
    p = float(found.pvalue)
    stars = "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else "--"
    return {
        "statistic": float(found.statistic),
        "df": float(found.dof),
        "p_value": p,
        "stars": stars,
        "method": "pearson",
        "reason": None,
        "expected": float(found.expected_freq.min()),
    }


def recount(
    data: dict[str, list[Any]], by_unit: bool, questions: int, known_only: bool = False
) -> list[dict[str, Any]]:
    """Loop over units, breakdowns, questions, groups and cases."""
    everyone = list(range(len(data["case_id"])))
    blocks = [("all", everyone)]
    if by_unit:
        names = sorted(set(data["unit"]))
        blocks = [(u, [i for i in everyone if data["unit"][i] == u]) for u in names] + blocks
    out = []
    for unit, cases in blocks:
        for key, column, groups, complement in SPECIFICATIONS:
            for question in [f"q{q}" for q in range(questions)]:
                label, answer = data[column], data[question]
                counts = [
                    count([answer[i] for i in cases if group in ("all", label[i])])
                    for group in groups
                ]
                compared = counts
                if complement:
                    outside = [
                        answer[i]
                        for i in cases
                        if label[i] != groups[0] and not (known_only and label[i] is None)
                    ]
                    compared = [counts[0], count(outside)]
                outcome = outcome_of(compared)
                for group, (k, n) in zip(groups, counts, strict=True):
                    line = {"unit": unit, "breakdown": key, "question": question, "group": group}
                    line |= {"k": k, "n": n} | outcome
                    line |= dict.fromkeys(("percent", "printed", "low", "high", "interval_method"))
                    if n:
                        share = Decimal(100 * k) / Decimal(n)
                        low, high = proportion_confint(k, n, alpha=0.05, method="wilson")
                        line |= {
                            "percent": float(share),
                            "printed": int(share.quantize(Decimal(1), ROUND_HALF_UP)),
                            "low": 100 * low,
                            "high": 100 * high,
                            "interval_method": "wilson",
                        }
                    else:
                        line["reason"] = "no applicable answers"
                    line["contrast"] = "complement" if complement else "groups"
                    if complement and known_only:
                        line["contrast"] = "known complement"
                    line["confidence"] = 0.95
                    few = line["expected"] is not None and line["expected"] < 5
                    line["reliability"] = None if not n else SMALL if few else "ok"
                    out.append(line)
    return out


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    for line, wanted in zip(found, expected, strict=True):
        assert line.keys() == wanted.keys()
        for name, value in wanted.items():
            if isinstance(value, float) and line[name] is not None:
                assert line[name] == pytest.approx(value, rel=1e-9, abs=1e-11), (name, line)
            else:
                assert line[name] == value, (name, line, wanted)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(SIZES), st.booleans())
def test_equals_a_recount_in_plain_python(seed, size, by_unit):
    data = random_frame(seed, size)
    found = oms.recompute(read(data, 3), by="unit" if by_unit else None, breakdowns=BREAKDOWNS)
    assert_same(rows(found), recount(data, by_unit, 3))


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from(SIZES))
def test_complement_of_the_known_equals_the_recount(seed, size):
    data = random_frame(seed, size, unknown=0.4)
    options = oms.Inference(complement="known")
    found = oms.recompute(read(data, 3), by="unit", breakdowns=BREAKDOWNS, inference=options)
    assert_same(rows(found), recount(data, True, 3, known_only=True))


def as_arrow(data: dict[str, list[Any]], offset: int, cuts: list[int]) -> pa.Table:
    """Make the same cases in chunks whose bits start anywhere and are dirty under nulls."""
    bounds = sorted({0, len(data["case_id"]), *cuts})
    pieces = []
    for a, b in pairwise(bounds):
        arrays = {}
        for name, values in data.items():
            part = values[a:b]
            if name.startswith("q"):
                arrays[name] = dirty_bits(part, offset)
            elif name == "case_id":
                arrays[name] = pa.array([0] * offset + part).slice(offset)
            else:
                padded = [None] * offset + part
                encoded = pa.array(padded, pa.string())
                # Every chunk has a dictionary of its own.
                coded = encoded.dictionary_encode() if name != "unit" else encoded
                arrays[name] = coded.slice(offset)
        pieces.append(pa.table(arrays))
    return pa.concat_tables(pieces)


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.sampled_from(SIZES),
    st.integers(0, 17),
    st.lists(st.integers(0, 257), max_size=3),
    st.booleans(),
)
def test_neither_chunks_nor_offsets_nor_bits_under_nulls_matter(seed, size, offset, cuts, by_unit):
    """Arrow leaves the bits under nulls undefined, and a slice may start inside a byte."""
    data = random_frame(seed, size)
    table = as_arrow(data, offset, [c for c in cuts if c < size])
    by = "unit" if by_unit else None
    found = oms.recompute(read(table, 3), by=by, breakdowns=BREAKDOWNS)
    assert_same(rows(found), recount(data, by_unit, 3))


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(SIZES))
def test_the_order_of_rows_does_not_matter(seed, size):
    data = random_frame(seed, size)
    order = np.random.default_rng(seed).permutation(size).tolist()
    shuffled = {name: [values[i] for i in order] for name, values in data.items()}
    one, other = (
        oms.recompute(read(d, 3), by="unit", breakdowns=BREAKDOWNS) for d in (data, shuffled)
    )
    assert one.table.equals(other.table)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(SIZES))
def test_units_add_up_to_all(seed, size):
    """National counts are the sum over units."""
    cases = read(random_frame(seed, size), 3)
    found = rows(oms.recompute(cases, by="unit", breakdowns=BREAKDOWNS))
    together = rows(oms.recompute(cases, breakdowns=BREAKDOWNS))
    assert [line for line in found if line["unit"] == "all"] == together
    for wanted in together:
        same = [
            line
            for line in found
            if line["unit"] != "all"
            and all(line[c] == wanted[c] for c in ("breakdown", "question", "group"))
        ]
        assert len(same) == len(cases.units)
        assert sum(line["k"] for line in same) == wanted["k"]
        assert sum(line["n"] for line in same) == wanted["n"]


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(SIZES))
def test_groups_the_unclassified_and_the_left_out_make_up_all_cases(seed, size):
    """A case is in one group, left out, or unclassified; a complement counts all of them."""
    data = random_frame(seed, size, unknown=0.3)
    counts = oms.tally(read(data, 3), by="unit", breakdowns=BREAKDOWNS)
    for i, split in enumerate(counts.splits):
        groups = slice(counts.offsets[i], counts.offsets[i + 1])
        heads = counts.cases[:, groups]
        sizes = [data["unit"].count(u) for u in counts.units]
        if split.contrast == "complement":
            assert heads[:, 1].tolist() == sizes
            rest = heads[:, 1] - heads[:, 0] - counts.unclassified[:, i]
            assert (rest >= 0).all()
            assert (counts.excluded[:, i] == 0).all()
        else:
            total = heads.sum(axis=1) + counts.unclassified[:, i] + counts.excluded[:, i]
            assert total.tolist() == sizes


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.permutations(TIERS))
def test_names_of_groups_do_not_matter(seed, names):
    """Permuting the labels of a breakdown permutes its rows and leaves the test alone."""
    data = random_frame(seed, 90)
    renamed = dict(zip(TIERS, names, strict=True))
    other = {**data, "tier": [renamed.get(v) for v in data["tier"]]}
    first, second = (rows(oms.recompute(read(d, 3), breakdowns=[Tier()])) for d in (data, other))
    place = {(line["question"], line["group"]): line for line in second}
    for line in first:
        twin = place[line["question"], renamed[line["group"]]]
        assert (line["k"], line["n"], line["stars"]) == (twin["k"], twin["n"], twin["stars"])
        assert (line["p_value"] is None) == (twin["p_value"] is None)
        if line["p_value"] is not None:
            assert line["p_value"] == pytest.approx(twin["p_value"], rel=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_answers_swapped_give_the_same_test_and_the_other_share(seed):
    data = random_frame(seed, 120)
    swapped = dict(data)
    for q in range(3):
        swapped[f"q{q}"] = [None if v is None else not v for v in data[f"q{q}"]]
    first, second = (
        rows(oms.recompute(read(d, 3), breakdowns=BREAKDOWNS)) for d in (data, swapped)
    )
    for line, twin in zip(first, second, strict=True):
        assert twin["k"] == line["n"] - line["k"]
        assert twin["stars"] == line["stars"]
        if line["p_value"] is not None:
            assert twin["p_value"] == pytest.approx(line["p_value"], rel=1e-8)


def test_the_order_of_nesting_is_that_of_the_design():
    """Units as declared, then all; breakdowns as passed; questions as in the framework."""
    cases = read(units=["B", "A", "C"])
    found = oms.recompute(
        cases, by="unit", breakdowns=[Harm(), Gender()], questions=["q1", "q0"]
    ).table
    expected = [
        (unit, key, question, group)
        for unit in ("B", "A", "C", "all")
        for key, groups in (("harm", ("high", "all")), ("gender", ("f", "m")))
        for question in ("q0", "q1")
        for group in groups
    ]
    columns = [found[c].to_pylist() for c in ("unit", "breakdown", "question", "group")]
    assert list(zip(*columns, strict=True)) == expected


def test_a_declared_unit_without_cases_is_reported_as_nothing():
    cases = read(units=["A", "B", "empty"])
    lines = rows(oms.recompute(cases, by="unit", breakdowns=[Gender()]).unit("empty"))
    assert len(lines) == 4
    for line in lines:
        assert (line["k"], line["n"], line["percent"], line["printed"]) == (0, 0, None, None)
        assert (line["stars"], line["reason"]) == (None, "no applicable answers")


def test_by_none_calls_the_unit_all():
    assert set(oms.recompute(read(), breakdowns=[Gender()]).table["unit"].to_pylist()) == {"all"}


def test_a_tally_gives_the_same_findings_as_its_cases():
    cases = read(random_frame(3, 77), 3)
    counts = oms.tally(cases, by="unit", breakdowns=BREAKDOWNS)
    for by in ("unit", None):
        direct = oms.recompute(cases, by=by, breakdowns=BREAKDOWNS)
        assert oms.recompute(counts, by=by).table.equals(direct.table)


def test_the_frameworks_breakdowns_are_the_default_and_names_will_do():
    cases = oms.CaseSet.from_data(
        {"case_id": [1, 2], "unit": ["A", "A"], "gender": ["male", "female"], "q0": [1, 0]},
        framework=oms.Framework(
            "g",
            [oms.Question("q0", "Q")],
            [oms.Stratum("gender", ("male", "female"))],
            breakdowns=("gender",),
        ),
    )
    default = oms.recompute(cases)
    for same in (["gender"], [oms.omi2.Gender()], [oms.omi2.Gender], "gender", oms.omi2.Gender):
        assert oms.recompute(cases, breakdowns=same).table.equals(default.table)


def test_invented_questions_are_counted_only_when_asked_for():
    made_up = oms.Question("q1", "Invented", provenance="invented")
    cases = oms.CaseSet.from_data(
        frame(),
        framework=oms.Framework("x", [oms.Question("q0", "Q"), made_up], framework().strata),
    )
    default = oms.recompute(cases, breakdowns=[Gender()])
    assert set(default.table["question"].to_pylist()) == {"q0"}
    asked = oms.recompute(cases, breakdowns=[Gender()], questions=["q1"])
    assert set(asked.table["question"].to_pylist()) == {"q1"}


def test_counts_of_the_unclassified_and_the_left_out():
    data = frame(
        4,
        supervision=["community", "suspended", None, "licence"],
        harm=["high", None, None, "not high"],
    )
    found = oms.recompute(read(data), by="unit", breakdowns=[Supervision(), Harm()]).unclassified
    assert found.column_names == ["unit", "breakdown", "unclassified", "excluded"]
    assert [tuple(line.values()) for line in rows(found)] == [
        ("A", "supervision", 1, 0),
        ("A", "harm", 1, 0),
        ("B", "supervision", 0, 1),
        ("B", "harm", 1, 0),
        ("all", "supervision", 1, 1),
        ("all", "harm", 2, 0),
    ]


def test_confidence_widens_intervals_and_nothing_else():
    cases = read(random_frame(8, 60), 3)
    usual = oms.recompute(cases, breakdowns=[Gender()])
    wider = oms.recompute(cases, breakdowns=[Gender()], inference=oms.Inference(confidence=0.998))
    low, high = proportion_confint(
        usual.table["k"].to_numpy(), usual.table["n"].to_numpy(), alpha=0.002, method="wilson"
    )
    np.testing.assert_allclose(wider.table["low"].to_numpy(), 100 * low, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(wider.table["high"].to_numpy(), 100 * high, rtol=1e-9)
    assert set(wider.table["confidence"].to_pylist()) == {0.998}
    same = ["k", "n", "percent", "statistic", "p_value", "stars"]
    assert wider.table.select(same).equals(usual.table.select(same))


def test_a_framework_without_questions_or_an_empty_choice_gives_no_rows():
    for options in ({"questions": []}, {"questions": [], "by": "unit"}):
        found = oms.recompute(read(), breakdowns=BREAKDOWNS, **options)
        assert len(found) == 0
        assert "0 rows" in repr(found)


def test_one_question_by_its_name():
    found = oms.recompute(read(), breakdowns=[Gender()], questions="q1")
    assert found.tally.questions == ("q1",)


def test_a_breakdown_of_one_group_tests_nothing():
    lines = rows(oms.recompute(read(), breakdowns=[OneGroup()]))
    for line in lines:
        assert line["n"] > 0
        assert line["statistic"] is line["df"] is line["p_value"] is line["stars"] is None
        assert line["method"] is None
        assert line["reason"] == "no second group to compare with"


class TestArguments:
    def test_unknown_names_list_near_ones(self):
        with pytest.raises(oms.UnknownNameError, match="choose from q0, q1"):
            oms.recompute(read(), breakdowns=[Gender()], questions=["victim"])
        with pytest.raises(oms.UnknownNameError, match="did you mean 'gender'"):
            oms.recompute(read(), breakdowns=["gendr"])

    @pytest.mark.parametrize("by", ["region", "units", True, 1])
    def test_by_is_unit_or_none(self, by):
        counts = oms.tally(read(), by="unit", breakdowns=[Gender()])
        with pytest.raises(oms.UsageError, match="`by` must be None or 'unit'"):
            oms.recompute(read(), by=by, breakdowns=[Gender()])
        with pytest.raises(oms.UsageError, match="`by` must be None or 'unit'"):
            oms.recompute(counts, by=by)

    @pytest.mark.parametrize("source", [{"a": [1]}, None, "cases.parquet"])
    def test_the_source_says_what_was_asked(self, source):
        with pytest.raises(oms.UsageError, match=r"expected a CaseSet; .* Pass framework="):
            oms.recompute(source)

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ({"a": [1]}, "3 problems"),
            (None, "expected a data frame"),
            ("missing.parquet", "Check that the file exists"),
            ("cases.xlsb", "a file that ends in"),
        ],
    )
    def test_other_sources_are_refused_with_the_reason(self, source, message):
        with pytest.raises(oms.DataError, match=message):
            oms.recompute(source, framework=framework())

    def test_files_readers_and_frames_with_a_framework(self, tmp_path):
        cases = read(random_frame(3, 40), 3)
        table = pa.table(cases)
        # For all units together: a plain column does not keep units without cases.
        wanted = oms.recompute(cases, breakdowns=BREAKDOWNS).table
        pq.write_table(table, tmp_path / "cases.parquet")
        with pa.ipc.new_file(tmp_path / "cases.arrow", table.schema) as writer:
            writer.write_table(table)
        sources = [
            tmp_path / "cases.parquet",
            str(tmp_path / "cases.arrow"),
            table.to_reader(),
            pl.from_arrow(table).lazy(),
            table.to_pandas(),
        ]
        for source in sources:
            found = oms.recompute(source, breakdowns=BREAKDOWNS, framework=cases.framework)
            assert found.table.equals(wanted)

    def test_a_file_cut_short_is_refused(self, tmp_path):
        path = tmp_path / "cases.parquet"
        pq.write_table(pa.table(read(random_frame(3, 40), 3)), path)
        path.write_bytes(path.read_bytes()[:-50])
        with pytest.raises(oms.DataError, match="Check that the file exists and is complete"):
            oms.recompute(path, framework=framework())

    def test_another_framework_is_refused(self):
        assert len(oms.recompute(read(), breakdowns=[Gender()], framework=framework())) == 4
        with pytest.raises(oms.UsageError, match="checked against 'small', not 'other'"):
            oms.recompute(read(), breakdowns=[Gender()], framework=framework(name="other"))

    def test_a_tally_has_its_breakdowns_and_questions(self):
        counts = oms.tally(read(), breakdowns=[Gender()])
        for options in ({"breakdowns": [Gender()]}, {"questions": ["q0"]}):
            with pytest.raises(oms.UsageError, match="a tally has its breakdowns and questions"):
                oms.recompute(counts, **options)

    def test_counts_made_together_cannot_be_given_by_unit(self):
        with pytest.raises(oms.UsageError, match='by="unit"'):
            oms.recompute(oms.tally(read(), breakdowns=[Gender()]), by="unit")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"test": "person"}, "unknown test 'person'; did you mean 'pearson'"),
            ({"interval": "wils"}, "unknown interval 'wils'; did you mean 'wilson'"),
            ({"adjust": "holmes"}, "unknown adjustment 'holmes'; did you mean 'holm'"),
            ({"family": "tables"}, "unknown family 'tables'; did you mean 'table'"),
            ({"effects": ["ratio"]}, "unknown effect 'ratio'"),
            ({"difference": "newcom"}, "did you mean 'newcombe'"),
            ({"test": "cmh", "effects": "risk_ratio"}, "leave 'risk_ratio' out"),
            ({"small_numbers": 5}, r"SmallNumbers\(suppress_below=5\)"),
            ({"complement": "everyone"}, "unknown complement"),
            ({"confidence": 95}, "did you mean 0.95"),
            ({"confidence": 1.0}, "between 0 and 1"),
        ],
    )
    def test_inference_is_checked(self, options, message):
        with pytest.raises(oms.UsageError, match=message):
            oms.Inference(**options)
