"""Every method that can be named reaches findings as it is when it is called by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.factories import BREAKDOWNS, Gender, Harm, Tier, random_frame, read

import omistats as oms

# Internal: the type of the public registries.
from omistats.kernel.registry import MethodRegistry

UNITS = 4
QUESTIONS = 4


def cases(seed: int = 11, rows: int = 150) -> oms.CaseSet:
    return read(random_frame(seed, rows, QUESTIONS, UNITS, unknown=0.15), QUESTIONS)


def sides(counts: oms.Tally, split: int, complement: str) -> tuple[Any, ...]:
    """The counts of two groups, shape (units, questions); a complement's by subtraction."""
    at = counts.offsets[split]
    k1, k2, n1, n2 = (v[:, at + i].astype(int) for v in (counts.k, counts.n) for i in (0, 1))
    if counts.splits[split].contrast == "complement":
        k2, n2 = k2 - k1, n2 - n1
        if complement == "known":
            k2, n2 = k2 - counts.unknown_k[:, split], n2 - counts.unknown_n[:, split]
    return k1, n1, k2, n2


def column(findings: oms.Findings, split: int, name: str) -> Any:
    """A column of a breakdown, shape (units, questions, groups)."""
    counts = findings.tally
    part = findings.breakdown(counts.splits[split].key).table[name]
    shape = len(counts.units), len(counts.questions), len(counts.splits[split].groups)
    kind = object if str(part.type).startswith("dict") else None
    return np.array(part.to_pylist(), kind or float).reshape(shape)


def numbers(findings: oms.Findings, split: int, name: str) -> Any:
    found = column(findings, split, name)
    # A comparison's figures stand on the row of every group.
    same = found[..., :1]
    np.testing.assert_array_equal(found, np.broadcast_to(same, found.shape))
    return found[..., 0]


@pytest.mark.parametrize("complement", ["all", "known"])
@pytest.mark.parametrize("test", [*oms.stats.TESTS, *oms.stats.GROUP_TESTS])
def test_tests_are_those_of_compare(test, complement):
    asked: Any = oms.Inference(test=test, complement=complement)
    findings = oms.recompute(cases(), by="unit", breakdowns=BREAKDOWNS, inference=asked)
    counts, used = findings.tally, set()
    for i, split in enumerate(counts.splits):
        if len(split.groups) == 2:
            k1, n1, k2, n2 = sides(counts, i, complement)
            if test in oms.stats.TESTS:
                expected = oms.stats.compare(k1, n1, k2, n2, method=test)
            else:
                pair = np.stack([k1, k2], -1), np.stack([n1, n2], -1)
                expected = oms.stats.compare_groups(*pair, method=test)
        elif len(split.groups) > 2:
            at = slice(counts.offsets[i], counts.offsets[i + 1])
            k, n = (np.moveaxis(v[:, at].astype(int), 1, -1) for v in (counts.k, counts.n))
            other = test if test in oms.stats.GROUP_TESTS else "pearson"
            expected = oms.stats.compare_groups(k, n, method=other)
        else:
            assert np.isnan(numbers(findings, i, "p_value")).all()
            continue
        # Of answers that are all alike an exact test gives 1; findings call that no test.
        alike = numbers(findings, i, "expected") == 0
        for name in ("statistic", "df", "p_value"):
            theirs = np.where(alike, np.nan, getattr(expected, name))
            np.testing.assert_array_equal(numbers(findings, i, name), theirs)
        untested = (np.isnan(expected.p_value) | alike).ravel()
        for name in ("stars", "method"):
            mine = [x or "" for x in column(findings, i, name)[..., 0].ravel()]
            theirs = getattr(expected, name).ravel().tolist()
            if name == "method":
                theirs = ["" if u else m for u, m in zip(untested, theirs, strict=True)]
                used |= set(mine)
            assert mine == theirs, name
    assert used - {""} == {
        "auto": {"pearson", "fisher"}, **{name: {name} for name in ("pearson", "g", "trend")},
    }.get(test, {test, "pearson"})  # fmt: skip


def test_auto_is_exact_where_less_than_5_is_expected_and_nowhere_else():
    findings = oms.recompute(
        cases(5, 300),
        by="unit",
        breakdowns=[Gender(), Tier()],
        inference=oms.Inference(test="auto"),
    )
    seen = set()
    for line in findings.table.to_pylist():
        if line["p_value"] is not None:
            small = line["expected"] < 5
            exact = small and line["breakdown"] == "gender"
            assert line["method"] == ("fisher" if exact else "pearson")
            # Of more groups Pearson's stays, and says that it is strained.
            assert (line["reliability"] in ("small expected count", None)) == (
                small or line["n"] == 0
            )
            seen.add((line["breakdown"], small))
    assert len(seen) == 4


@pytest.mark.parametrize("confidence", [0.95, 0.998])
@pytest.mark.parametrize("method", oms.stats.INTERVALS)
def test_intervals_are_those_of_interval(method, confidence):
    chosen = oms.Inference(interval=method, confidence=confidence)
    table = oms.recompute(cases(), by="unit", breakdowns=BREAKDOWNS, inference=chosen).table
    k, n = (table[name].to_numpy() for name in ("k", "n"))
    expected = oms.stats.interval(k, n, method=method, confidence=confidence)
    for end in ("low", "high"):
        np.testing.assert_array_equal(table[end].to_numpy(), 100 * getattr(expected, end))
    assert table["interval_method"].to_pylist() == [method if m else None for m in n.tolist()]


EFFECTS = [
    *(("difference", name) for name in oms.stats.DIFFERENCES),
    *(("risk_ratio", name) for name in oms.stats.RISK_RATIOS),
    *(("odds_ratio", name) for name in oms.stats.ODDS_RATIOS),
]


@pytest.mark.parametrize("complement", ["all", "known"])
@pytest.mark.parametrize(("effect", "method"), EFFECTS)
def test_effects_are_those_of_their_functions(effect, method, complement):
    options: dict[str, Any] = {effect: method, "effects": effect, "confidence": 0.9}
    chosen = oms.Inference(complement=complement, **options)
    findings = oms.recompute(cases(), by="unit", breakdowns=BREAKDOWNS, inference=chosen)
    scale = 100 if effect == "difference" else 1
    for i, split in enumerate(findings.tally.splits):
        found = [numbers(findings, i, effect + end) for end in ("", "_low", "_high")]
        if len(split.groups) != 2:
            assert np.isnan(found).all()
            continue
        counts = sides(findings.tally, i, complement)
        of = getattr(oms.stats, effect)(*counts, method=method, confidence=0.9)
        for mine, theirs in zip(found, (of.estimate, of.low, of.high), strict=True):
            np.testing.assert_array_equal(mine, scale * theirs)
    others = {"difference", "risk_ratio", "odds_ratio"} - {effect}
    assert not others & set(findings.table.column_names)


KINDS: dict[str, MethodRegistry[Any]] = {
    "test": oms.stats.TESTS,
    "interval": oms.stats.INTERVALS,
    "difference": oms.stats.DIFFERENCES,
    "risk_ratio": oms.stats.RISK_RATIOS,
    "odds_ratio": oms.stats.ODDS_RATIOS,
}


@pytest.mark.parametrize("option", KINDS)
def test_aliases_find_the_method_of_that_name(option):
    methods = KINDS[option]
    for alias in methods._aliases:
        for spelling in (alias, alias.upper(), alias.replace("-", "_"), f" {alias} "):
            asked: dict[str, Any] = {option: spelling}
            assert getattr(oms.Inference(**asked), option) == methods.name(alias)


def test_names_are_taken_once():
    chosen = oms.Inference(effects=["difference", "difference"], adjust=("Holm", "bh", "fdr"))
    assert (chosen.effects, chosen.adjust) == (("difference",), ("holm", "bh"))
    assert oms.Inference(effects=None, adjust=None) == oms.Inference()


def test_every_test_is_itself_when_an_inference_is_made_again():
    """No method's own name is another's alias."""
    survey = ("rao-scott-f", "rao-scott-chi-square", "adjusted-wald", "wald-f")
    for test in (*oms.stats.TESTS, *oms.stats.GROUP_TESTS, "cmh", "cmh-cc", *survey):
        once = oms.Inference(test=test)
        assert once.test == test
        assert oms.Inference(test=once.test) == once
        assert once.is_design_based == (test in survey)
        assert once.stratified == test.startswith("cmh")


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [
        ("test", "fischer", "did you mean 'fisher'"),
        ("test", "cmhh", "did you mean 'cmh'"),
        ("test", "rao-scott-g", "did you mean 'rao-scott-f'"),
        ("interval", "wilsn", "did you mean 'wilson'"),
        ("difference", "newcome", "did you mean 'newcombe'"),
        ("risk_ratio", "kats", "did you mean 'katz'"),
        ("odds_ratio", "wolf", "did you mean 'woolf'"),
        ("adjust", "hom", "did you mean 'holm'"),
        ("family", "tabel", "did you mean 'table'"),
        ("effects", "odds-ratio", "did you mean 'odds_ratio'"),
        ("complement", "knwon", "did you mean 'known'"),
        ("test", 5, "choose from pearson"),
        ("test", ["pearson"], "unknown test"),
        ("interval", {}, "unknown interval"),
        ("adjust", 5, "unknown adjustment"),
        ("adjust", [["holm"]], "unknown adjustment"),
        ("effects", True, "unknown effect"),
    ],
)
def test_unknown_names_list_near_ones(option, value, near):
    asked: dict[str, Any] = {option: value}
    with pytest.raises(oms.UnknownNameError, match=near):
        oms.Inference(**asked)


@pytest.fixture
def own_methods(monkeypatch):
    """Registries that forget what a test adds to them."""
    for methods in (
        oms.stats.TESTS,
        oms.stats.INTERVALS,
        oms.stats.DIFFERENCES,
        oms.stats.ADJUSTMENTS,
    ):
        for name in ("_functions", "_aliases"):
            monkeypatch.setattr(methods, name, dict(getattr(methods, name)))


@pytest.mark.usefixtures("own_methods")
def test_methods_of_a_users_own_work_like_the_others():
    def whole(k: Any, n: Any, confidence: float) -> Any:
        some = np.where(n > 0, 0.0, np.nan)
        return some, some + 1.0

    def larger(k1: Any, n1: Any, k2: Any, n2: Any) -> Any:
        p = np.where((n1 > 0) & (n2 > 0), np.where(k1 > k2, 0.01, 0.5), np.nan)
        return p * np.nan, p * np.nan, p

    def halved(p: Any) -> Any:
        return p / 2

    def flat(k1: Any, n1: Any, k2: Any, n2: Any, confidence: float) -> Any:
        zero = np.zeros(k1.shape)
        return zero, zero - confidence, zero + confidence

    oms.stats.INTERVALS.register("whole", whole, ["everything"])
    oms.stats.TESTS.register("larger", larger)
    oms.stats.ADJUSTMENTS.register("halved-again", halved)
    oms.stats.DIFFERENCES.register("flat", flat)
    chosen = oms.Inference(
        interval="everything", test="larger", adjust="halved_again",
        effects="difference", difference="flat",
    )  # fmt: skip
    findings = oms.recompute(cases(), breakdowns=[Gender(), Harm(), Tier()], inference=chosen)
    for line in findings.table.to_pylist():
        assert (line["low"], line["high"], line["interval_method"]) == (0.0, 100.0, "whole")
        if line["breakdown"] == "tier":
            assert line["method"] == "pearson"
            continue
        assert line["method"] == "larger"
        assert line["p_value"] in (0.01, 0.5)
        assert line["stars"] == ("*" if line["p_value"] == 0.01 else "--")
        assert line["p_halved_again"] == line["p_value"] / 2
        assert (line["difference"], line["difference_high"]) == (0.0, 95.0)
    assert findings.significant(0.02, adjusted="halved-again")


@pytest.mark.usefixtures("own_methods")
def test_a_users_test_without_a_p_value_gives_the_reason_and_no_mark():
    def undefined(k1: Any, n1: Any, k2: Any, n2: Any) -> Any:
        return (np.full(k1.shape, np.nan),) * 3

    oms.stats.TESTS.register("undefined", undefined)
    findings = oms.Findings.from_counts(
        [[1, 2], [0, 0], [0, 1]],
        [[3, 3], [3, 3], [0, 3]],
        questions=["differ", "alike", "one_group"],
        groups=["A", "B"],
        inference=oms.Inference(test="undefined"),
    )
    assert [(r["stars"], r["reason"]) for r in findings.comparisons().to_pylist()] == [
        (None, "no spread to test against"),
        ("--", "every answer is the same"),
        (None, "no second group to compare with"),
    ]


def test_what_a_user_added_is_gone_again():
    assert "larger" not in oms.stats.TESTS
