"""How findings speak of many tests and small numbers, and what significance after adjustment is."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from statsmodels.stats.multitest import multipletests
from tests.factories import BREAKDOWNS, Gender, Tier, random_frame, read, rows

import omistats as oms

METHODS = {"bonferroni": "bonferroni", "holm": "holm", "bh": "fdr_bh"}
KEY = ("unit", "breakdown", "question")
QUESTIONS = ("complied", "diversity_delivery", "home_visit", "harm_minimised")
ASKED: dict[str, Any] = {
    "by": "unit",
    "breakdowns": ["gender", "age_group", "risk_of_harm"],
    "questions": QUESTIONS,
}


@pytest.fixture(scope="module")
def found() -> oms.Findings:
    return oms.recompute(oms.omi2.load_synthetic(), **ASKED)


def key(row):
    return tuple(row[name] for name in KEY)


def p_values(findings, *, of_all=None):
    """P-values by comparison; of all units together, of single units, or both."""
    return {
        key(row): row["p_value"]
        for row in rows(findings)
        if row["p_value"] is not None and of_all in (None, row["unit"] == "all")
    }


def adjusted_by_hand(findings, method):
    """P-values of single units and of all together, each a family, by statsmodels."""
    out = {}
    for of_all in (False, True):
        p = p_values(findings, of_all=of_all)
        if p:
            adjusted = multipletests(list(p.values()), method=METHODS[method])[1]
            out |= dict(zip(p, adjusted, strict=True))
    return out


class TestSignificantAfterAdjustment:
    @pytest.mark.parametrize("method", METHODS)
    def test_without_having_been_asked_for(self, found, method):
        wanted = adjusted_by_hand(found, method)
        kept = found.significant(0.4, adjusted=method)
        assert {key(row) for row in rows(kept)} == {c for c, p in wanted.items() if p < 0.4}
        assert 0 < len(kept) < len(found)
        for row in rows(kept):
            assert row[f"p_{method}"] == pytest.approx(wanted[key(row)], rel=1e-12)

    @pytest.mark.parametrize("method", METHODS)
    def test_a_view_has_the_family_of_the_whole(self, found, method):
        whole = {key(r): r[f"p_{method}"] for r in rows(found.significant(0.9999, method))}
        views = [
            found.unit("all"),
            found.unit("U01").breakdown("gender"),
            found.question("complied"),
            found.significant(0.3).breakdown("age_group"),
            found.question(*QUESTIONS[:2]).unit("U02", "all").significant(0.5, adjusted="holm"),
        ]
        for view in views:
            left = rows(view.significant(0.9999, adjusted=method))
            wanted = {key(r) for r in rows(view)} & whole.keys()
            assert {key(r): r[f"p_{method}"] for r in left} == {c: whole[c] for c in wanted}
        assert len(whole) > 3

    @given(
        st.lists(
            st.sampled_from(
                [
                    ("unit", "all"), ("unit", "U0"), ("breakdown", "gender"), ("breakdown", "tier"),
                    ("question", "q0"), ("question", "q1"),
                ]
            ),
            max_size=3,
        )
    )  # fmt: skip
    def test_filters_and_significance_commute(self, steps):
        """A filter never changes a result, whether it comes before or after."""
        cases = read(random_frame(4, 80, 5, 3), 3)
        whole = oms.recompute(cases, by="unit", breakdowns=[Gender(), Tier()])
        first, last = whole, whole.significant(0.6, adjusted="bh")
        for name, value in steps:
            first, last = getattr(first, name)(value), getattr(last, name)(value)
        assert rows(first.significant(0.6, adjusted="bh")) == rows(last)

    def test_a_smaller_family_is_asked_for_by_name_and_named(self, found):
        asked = oms.Inference(adjust="bh", family="table")
        beforehand = oms.recompute(oms.omi2.load_synthetic(), **ASKED, inference=asked)
        kept = found.significant(0.4, adjusted="bh", family="table")
        assert rows(kept) == rows(beforehand.significant(0.4, adjusted="bh"))
        assert "each breakdown of each unit" in kept.families["bh"]
        assert kept.families == beforehand.families

    def test_asked_for_beforehand_its_family_is_used(self):
        chosen = oms.Inference(adjust="bh")
        findings = oms.recompute(oms.omi2.load_synthetic(), **ASKED, inference=chosen)
        kept = findings.significant(0.4, adjusted="bh")
        assert rows(kept) == [r for r in rows(findings) if r["p_bh"] and r["p_bh"] < 0.4]
        assert "each breakdown in all units" in kept.families["bh"]
        whole = findings.significant(0.4, adjusted="bh", family="everything")
        of_units = len(p_values(findings, of_all=False))
        assert whole.families["bh"].startswith(f"over all {of_units} tests of units")
        assert rows(whole) != rows(kept)

    def test_the_family_is_counted(self, found):
        of_units, of_all = (len(p_values(found, of_all=one)) for one in (False, True))
        families = found.unit("U01").significant(0.4, adjusted="holm").families
        assert families == {
            "holm": f"over all {of_units} tests of units of these findings, and apart from them "
            f"over all {of_all} of all units together"
        }
        text = repr(found.significant(0.4, adjusted="holm"))
        assert f"kept p_holm below 0.4, adjusted {families['holm']}" in text

    def test_withheld_comparisons_are_in_no_family(self):
        chosen = oms.Inference(small_numbers=oms.SmallNumbers(suppress_below=9))
        cases = read(random_frame(4, 100, 5, 3), 5)
        findings = oms.recompute(cases, breakdowns=BREAKDOWNS, inference=chosen)
        every = oms.recompute(cases, breakdowns=BREAKDOWNS)
        tests = len(p_values(findings))
        assert 0 < tests < len(p_values(every))
        kept = findings.significant(0.9, adjusted="holm")
        assert kept.families["holm"] == f"over all {tests} tests of these findings"

    def test_bad_arguments(self, found):
        with pytest.raises(oms.UnknownNameError, match="unknown adjustment 'hommel'"):
            found.significant(adjusted="hommel")
        with pytest.raises(oms.UnknownNameError, match="unknown family 'page'"):
            found.significant(adjusted="bh", family="page")
        with pytest.raises(oms.UsageError, match="`family` needs an adjustment"):
            found.significant(family="unit")
        with pytest.raises(oms.UsageError, match="must be one of bonferroni, holm, bh"):
            found.significant(adjusted=True)


class TestTextOfManyTests:
    """The numbers of the line are recounted from the table."""

    PATTERN = re.compile(
        r"^(?:(\d+) of )?([\d,]+) tests?(?: shown| kept)?(?: \(([\d,]+) in all\))?; p below 0.05 "
        r"in (\d+)(?: of the \d+)?; chance alone would give (about (\d+)|fewer than 1)$",
        re.MULTILINE,
    )

    def line(self, findings):
        found = self.PATTERN.findall(repr(findings))
        assert len(found) == 1, repr(findings)
        return found[0]

    def test_of_all_findings(self, found):
        p = list(p_values(found).values())
        part, made, _, below, _, chance = self.line(found)
        assert part == ""
        assert int(made) == len(p)
        assert int(below) == sum(v < 0.05 for v in p)
        assert int(chance) == int(0.05 * len(p) + 0.5) > 1

    def test_a_view_counts_its_own_and_says_so(self, found):
        view = found.unit("all").breakdown("gender", "age_group")
        p = list(p_values(view).values())
        shown, made, _, below, _, _ = self.line(view)
        assert (int(shown), int(made)) == (len(p), len(p_values(found)))
        assert int(below) == sum(v < 0.05 for v in p)
        assert f"{len(p)} of {len(p_values(found))} tests shown" in repr(view)

    def test_a_filter_by_significance_counts_the_tests_it_chose_from(self, found):
        """Of tests that were kept for being significant, chance cannot be counted."""
        view = found.breakdown("age_group")
        for kept in (view.significant(0.2), found.significant(0.2).breakdown("age_group")):
            made = list(p_values(view).values())
            left, chosen_from, in_all, below, _, _ = self.line(kept)
            assert int(left) == len(p_values(kept)) < int(chosen_from) == len(made)
            assert int(in_all) == len(p_values(found))
            assert int(below) == sum(v < 0.05 for v in made)

    def test_nothing_left(self, found):
        text = repr(found.significant(1e-300))
        assert text.startswith("Findings from SYNTHETIC cases: 0 rows\n0 of ")

    def test_nothing_tested(self):
        alike = oms.Findings.from_counts([[4, 4]], [[4, 4]], questions=["q"], groups=["a", "b"])
        assert "no test could be made" in repr(alike)

    def test_few_tests(self):
        one = oms.Findings.from_counts([[4, 1]], [[9, 9]], questions=["q"], groups=["a", "b"])
        assert "1 test; p below 0.05 in 0; chance alone would give fewer than 1" in repr(one)

    def test_html_says_the_same(self, found):
        for view in (found, found.unit("U01"), found.significant()):
            for line in view._display().footer:
                assert f"<p>{line}</p>" in view._repr_html_()


class TestMarksOfSmallNumbers:
    FOUND = oms.Findings.from_counts(
        [[4, 400], [300, 420], [0, 10]],
        [[9, 500], [500, 500], [0, 20]],
        questions=["thin", "thick", "blank"],
        groups=["few", "many"],
    )

    def test_the_star_of_a_thin_row_is_marked(self):
        """`***` stood unmarked beside 4 of 9 cases."""
        lines = repr(self.FOUND).splitlines()
        assert any(re.fullmatch(r"thin .* \*+  \?", line) for line in lines)
        assert any(re.fullmatch(r"thick .* \*\*\*", line) for line in lines)
        assert any(re.fullmatch(r"blank .*50%   20", line) for line in lines)
        assert lines[-1] == (
            "? small numbers in 2 of 6 rows: small expected count (a cell expects fewer than 5 "
            "answers): 2"
        )

    def test_html_marks_it_too(self):
        page = self.FOUND._repr_html_()
        assert page.count("<td>?</td>") == 1
        assert "<p>? small numbers in 2 of 6 rows" in page

    def test_every_rule_is_explained(self):
        policy = oms.SmallNumbers(flag_below=30, suppress_below=10)
        found = oms.Findings.from_counts(
            [[4, 400], [15, 420]],
            [[9, 500], [25, 500]],
            questions=["p", "q"],
            groups=["few", "many"],
            inference=oms.Inference(small_numbers=policy),
        )
        text = repr(found)
        assert "suppressed (fewer than 10 answers): 1" in text
        assert "few cases (fewer than 30 answers): 1" in text

    def test_where_nothing_is_thin_nothing_is_marked(self):
        thick = self.FOUND.question("thick")
        assert "?" not in repr(thick)

    def test_the_number_of_marks_is_that_of_the_table(self):
        findings = oms.recompute(oms.omi2.load_synthetic())
        thin = [r for r in findings.table["reliability"].to_pylist() if r not in (None, "ok")]
        assert f"? small numbers in {len(thin)} of 900 rows" in repr(findings)
        assert len(thin) > 0


def test_chance_gives_what_is_said():
    """Of tests of nothing, 5% are below 0.05: what the line says and what happens agree."""
    rng = np.random.default_rng(5)
    k = rng.binomial(400, 0.6, (4000, 2))
    ids = [f"q{i}" for i in range(4000)]
    made = oms.Findings.from_counts(k, np.full_like(k, 400), questions=ids, groups=["a", "b"])
    assert "4,000 tests" in repr(made)
    assert "chance alone would give about 200" in repr(made)
    below = len(made.significant().comparisons())
    assert abs(below - 200) < 3 * (4000 * 0.05 * 0.95) ** 0.5
