"""Small numbers in findings: what is expected, what is flagged, what is withheld."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats.contingency import expected_freq
from tests.factories import BREAKDOWNS, Gender, Harm, Tier, random_frame, read
from tests.inference.survey_sample import SPLITS, sample

import omistats as oms

Row = dict[str, Any]
OF_GROUP = ("k", "percent", "printed", "low", "high", "interval_method")
OF_TEST = ("statistic", "df", "p_value", "stars", "method", "expected")
WITHHELD = "too few applicable answers to publish"


def cases(rows: int = 130) -> oms.CaseSet:
    return read(random_frame(6, rows, 4, 3, unknown=0.1), 4)


def compared(findings: oms.Findings) -> dict[tuple[str, str, str], list[Row]]:
    out: dict[tuple[str, str, str], list[Row]] = {}
    for row in findings.table.to_pylist():
        out.setdefault((row["unit"], row["breakdown"], row["question"]), []).append(row)
    return out


@pytest.mark.parametrize("test", ["pearson", "fisher", "cmh"])
def test_the_smallest_expected_count_is_scipys(test):
    findings = oms.recompute(
        cases(), by="unit", breakdowns=BREAKDOWNS, inference=oms.Inference(test=test)
    )
    checked = 0
    for rows in compared(findings).values():
        counts = [(row["k"], row["n"]) for row in rows]
        if rows[0]["contrast"] == "complement":
            (k, n), (whole_k, whole_n) = counts
            counts[1] = whole_k - k, whole_n - n
        table = np.array([(k, n - k) for k, n in counts if n > 0])
        for row in rows:
            if len(table) < 2:
                assert row["expected"] is None
            else:
                smallest = expected_freq(table).min()
                assert row["expected"] == pytest.approx(smallest, rel=1e-12, abs=1e-12)
                checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    "policy",
    [
        oms.SmallNumbers(),
        oms.SmallNumbers(flag_expected=None),
        oms.SmallNumbers(flag_expected=2.5, flag_below=10),
        oms.SmallNumbers(flag_below=20, suppress_below=6),
    ],
)
def test_words_for_reliability(policy):
    findings = oms.recompute(
        cases(), by="unit", breakdowns=BREAKDOWNS, inference=oms.Inference(small_numbers=policy)
    )
    usual = oms.recompute(cases(), by="unit", breakdowns=BREAKDOWNS).table["expected"].to_pylist()
    seen = set()
    for row, expected in zip(findings.table.to_pylist(), usual, strict=True):
        n = row["n"]
        small = policy.flag_expected and expected is not None and expected < policy.flag_expected
        word: str | None = "ok"
        if n == 0:
            word = None
        elif policy.suppress_below and n < policy.suppress_below:
            word = "suppressed"
        elif policy.flag_below and n < policy.flag_below:
            word = "few cases"
        elif small and row["reason"] != WITHHELD:
            word = "small expected count"
        assert row["reliability"] == word
        seen.add(word)
    assert {"ok", None} < seen or policy.flag_expected is None


def suppressed(below: int = 9, **options: Any) -> oms.Findings:
    chosen = oms.Inference(small_numbers=oms.SmallNumbers(suppress_below=below), **options)
    return oms.recompute(cases(), by="unit", breakdowns=BREAKDOWNS, inference=chosen)


def few_of(rows: list[Row], below: int, unknown: int = 0) -> bool:
    """Whether a side of the comparison is too small, be it the rest outside a subset."""
    sizes = [row["n"] for row in rows]
    if rows[0]["contrast"] != "groups":
        sizes.append(sizes[1] - sizes[0] - unknown)
    return any(0 < n < below for n in sizes)


@pytest.mark.parametrize("test", ["pearson", "auto", "cmh"])
def test_what_is_too_small_is_withheld_and_the_rest_is_as_it_was(test):
    adjust, effects = "holm", ("difference", "odds_ratio")
    options: dict[str, Any] = {"test": test, "effects": effects}
    found = suppressed(adjust=adjust, **options)
    open_ = oms.recompute(
        cases(), by="unit", breakdowns=BREAKDOWNS, inference=oms.Inference(**options)
    )
    more = [name for name in open_.table.column_names if name.startswith(effects)]
    of_test = (*OF_TEST, *more, *(["homogeneity_p_value"] if test == "cmh" else []))
    hidden = touched = 0
    pairs = zip(compared(found).values(), compared(open_).values(), strict=True)
    for rows, before in pairs:
        few, gone = [0 < row["n"] < 9 for row in rows], few_of(rows, 9)
        for row, was, small in zip(rows, before, few, strict=True):
            assert row["n"] == was["n"]
            for name in OF_GROUP:
                assert row[name] == (None if small else was[name]), name
            for name in of_test:
                assert row[name] == (None if gone else was[name]), name
            if gone and row["n"]:
                assert row["reason"] == WITHHELD
                assert row["p_holm"] is None
            elif not gone:
                assert row["reason"] == was["reason"]
            hidden += small
        touched += gone
    assert hidden > 20
    assert 0 < touched < len(compared(found))


def with_a_small_rest(unknown: int) -> oms.CaseSet:
    """Forty cases of high risk of harm, two of another, some unknown; and a unit of enough."""
    harm = ["high"] * 40 + ["not high"] * 2 + [None] * unknown + ["high", "not high"] * 10
    rows = len(harm)
    columns = {
        "case_id": list(range(rows)),
        "unit": ["small"] * (rows - 20) + ["large"] * 20,
        "supervision": ["community"] * rows,
        "gender": (["f", "m"] * rows)[:rows],
        "harm": harm,
        "tier": ["1"] * rows,
        "q0": [i % 3 > 0 for i in range(rows)],
    }
    return read(columns, 1)


@pytest.mark.parametrize("test", ["pearson", "fisher", "cmh", "rao-scott-f"])
@pytest.mark.parametrize(("unknown", "complement"), [(0, "all"), (9, "all"), (9, "known")])
def test_a_small_rest_withholds_the_comparison_and_no_row(test, unknown, complement):
    cases = with_a_small_rest(unknown)
    asked: dict[str, Any] = {"test": test, "effects": ["difference", "odds_ratio"]}
    drawn: dict[str, Any] = {}
    if test == "rao-scott-f":
        asked["interval"], drawn["weight"] = "logit", [1.0] * len(cases)
    asked |= {"complement": complement, "adjust": "holm"}
    found, open_ = (
        oms.recompute(
            cases,
            by="unit",
            breakdowns=[Harm()],
            inference=oms.Inference(small_numbers=oms.SmallNumbers(suppress_below=below), **asked),
            **drawn,
        )
        for below in (5, None)
    )
    gone = not unknown or complement == "known"
    of_split = [*OF_TEST, "p_holm", *(c for c in found.table.column_names if "ratio" in c)]
    of_split += [c for c in found.table.column_names if c.startswith(("difference", "homog"))]
    for row, was in zip(found.table.to_pylist(), open_.table.to_pylist(), strict=True):
        for name in OF_GROUP:
            assert row[name] == was[name]
        if row["unit"] == "small" and gone:
            assert {row[name] for name in of_split} == {None}
            assert row["reason"] == WITHHELD
        else:
            for name in of_split:
                if name != "p_holm":
                    assert row[name] == was[name]
            assert row["reason"] != WITHHELD
    small = [r for r in open_.table.to_pylist() if r["unit"] == "small"]
    assert small[0]["difference"] is not None


def test_what_is_withheld_is_in_no_family():
    found = suppressed(adjust="bonferroni", family="everything")
    of_units = {key: rows[0] for key, rows in compared(found).items() if key[0] != "all"}
    tested = [row for row in of_units.values() if row["p_value"] is not None]
    assert len(tested) < sum(
        rows[0]["p_value"] is not None
        for key, rows in compared(oms.recompute(cases(), by="unit", breakdowns=BREAKDOWNS)).items()
        if key[0] != "all"
    )
    for row in tested:
        expected = min(1.0, row["p_value"] * len(tested))
        assert row["p_bonferroni"] == pytest.approx(expected, rel=1e-12)


def test_weighted_findings_are_withheld_alike():
    chosen = oms.Inference(
        test="rao-scott-f", interval="wald", effects="difference",
        small_numbers=oms.SmallNumbers(suppress_below=12),
    )  # fmt: skip
    found = oms.recompute(sample(), by="unit", breakdowns=SPLITS, weight="weight", inference=chosen)
    hidden = 0
    for rows in compared(found).values():
        few, gone = [0 < row["n"] < 12 for row in rows], few_of(rows, 12)
        for row, small in zip(rows, few, strict=True):
            if small:
                assert all(row[name] is None for name in (*OF_GROUP, "se")), row
                hidden += 1
            if gone:
                more = (*OF_TEST, "df2", "design_effect", "difference", "difference_low")
                assert all(row[name] is None for name in more), row
    assert hidden > 3


def test_nothing_to_withhold_changes_nothing():
    usual = oms.recompute(cases(), by="unit", breakdowns=BREAKDOWNS)
    assert suppressed(1).table.equals(usual.table)


class TestFindingsWithNulls:
    """Every view of findings takes what is withheld."""

    def test_wide(self):
        found = suppressed()
        rows = found.wide("tier").to_pylist()
        long = {(r["unit"], r["question"], r["group"]): r for r in found.table.to_pylist()
                if r["breakdown"] == "tier"}  # fmt: skip
        assert any(row["1 percent"] is None and row["1 n"] for row in rows)
        for row in rows:
            for group in Tier.groups:
                cell = long[row["unit"], row["question"], group]
                assert row[f"{group} percent"] == cell["printed"]

    def test_comparisons_give_the_reason(self):
        found = suppressed()
        reasons = [r["reason"] for r in found.comparisons().to_pylist()]
        assert reasons.count(WITHHELD) > 10
        # A group without answers does not speak for a comparison that was withheld.
        tests = compared(found)
        for row in found.comparisons().to_pylist():
            rows = tests[row["unit"], row["breakdown"], row["question"]]
            if any(0 < r["n"] < 9 for r in rows):
                assert row["reason"] == WITHHELD

    def test_texts_and_frames(self):
        found = suppressed().breakdown("tier")
        assert "Findings" in repr(found)
        assert "<table" in found._repr_html_()
        assert "None" not in repr(found)
        frame = found.to_pandas()
        withheld = [0 < r["n"] < 9 for r in found.table.to_pylist()]
        assert frame["k"].isna().tolist() == withheld
        assert frame["percent"][withheld].isna().all()
        assert found.to_polars()["k"].null_count() == sum(withheld) > 0
        assert pa.table(found).equals(found.table)

    def test_changes_from_earlier_findings(self):
        now = suppressed().breakdown("gender")
        before = oms.recompute(cases(90), by="unit", breakdowns=BREAKDOWNS).breakdown("gender")
        for one, other, prefix in ((now, before, ""), (before, now, "previous_")):
            lines = one.compare(other).table.to_pylist()
            withheld = [r for r in lines if r[f"{prefix}k"] is None]
            assert withheld
            for row in withheld:
                for name in ("change", "statistic", "p_value", "stars"):
                    assert row[name] is None, name

    def test_significance(self):
        found = suppressed()
        assert all(r["reason"] != WITHHELD for r in found.significant(0.9).table.to_pylist())


def test_a_policy_is_a_policy():
    for given in (5, "suppress", None):
        asked: dict[str, Any] = {"small_numbers": given}
        with pytest.raises(oms.UsageError, match="`small_numbers` must be a SmallNumbers"):
            oms.Inference(**asked)
    assert oms.recompute(cases(), breakdowns=[Gender()]).inference.small_numbers.flag_expected == 5
