"""Text forms, errors and progress are safe for a terminal, whatever labels hold."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given, strategies as st

import omistats as oms
from omistats.cli import main
from omistats.errors import visible
from omistats.findings.points import count

HIDES = "Plan\x1b]0;own\x07\x1b[8m"
FORGES = "Plan   0%  900  99%  900  ***\nPlan shared\r\x85\u2028"
REVERSES = "Plan\u202edetneserp\u200b"
NASTY = (HIDES, FORGES, REVERSES)


def cases_with(label: str) -> oms.CaseSet:
    """Make cases whose every name and label holds some text."""
    item = oms.Item("1", "criterion", f"item {label}")
    levels = (f"good {label}", "poor")
    framework = oms.Framework(
        f"framework {label}",
        [
            oms.Question(f"q {label}", f"question {label}", oms.Link("1", "published")),
            oms.Question("graded", label, levels=levels, sufficient=levels[:1]),
        ],
        [oms.Stratum(f"sex {label}", (f"f {label}", "m"))],
        [item],
        [f"sex {label}"],
    )
    rows = 40
    data = {
        "case_id": [f"{label} {i}" for i in range(rows)],
        "unit": [f"{'AB'[i % 2]} {label}" for i in range(rows)],
        f"sex {label}": [(f"f {label}", "m")[i // 2 % 2] for i in range(rows)],
        f"q {label}": [i % 3 > 0 for i in range(rows)],
        "graded": [levels[i % 5 == 0] for i in range(rows)],
    }
    return oms.CaseSet.from_data(data, framework=framework)


def text_forms(label: str) -> dict[str, Any]:
    """Make one of every result that has a text form, from cases with such labels."""
    cases = cases_with(label)
    every_other = cases.filter([i % 8 < 5 for i in range(len(cases))])
    findings, scores = oms.recompute(cases, by="unit"), oms.scores(cases, by="unit")
    before = oms.recompute(every_other, by="unit")
    return {
        "cases": cases,
        "findings": findings,
        "a view of no row": findings.significant(1e-9),
        "change": findings.compare(before),
        "levels": oms.levels(cases, by="unit"),
        "scores": scores,
        "units": scores.units("1"),
        "weaknesses": scores.weaknesses(),
        "tally": oms.tally(cases),
        "sums": oms.score_tally(cases),
        "characteristics": oms.characteristics(cases, by="unit"),
        "representativeness": oms.representativeness(every_other, cases, by="unit"),
        "plan": oms.plan_sample(cases, size=10),
        "weights": oms.design_weights(every_other, cases),
        "bootstrap": oms.bootstrap(cases, draws=20),
        "framework": cases.framework,
        "unit": oms.Unit(label),
        "matches": oms.match_units([f"A {label}"], [oms.Unit("a", f"A {label}")]),
    }


NAMES = tuple(text_forms("plain"))


@pytest.mark.parametrize("label", NASTY)
@pytest.mark.parametrize("name", NAMES)
def test_text_and_html_of_results(name, label):
    plain, found = text_forms("plain")[name], text_forms(label)[name]
    for form in (repr, str):
        # No label forges a line.
        assert_safe(form(found), ends=form(plain).count("\n"))
    if hasattr(found, "_repr_html_"):
        assert_safe(found._repr_html_(), ends=0)


@pytest.mark.parametrize("label", NASTY)
def test_sentences_of_points_are_one_line(label):
    findings = oms.recompute(cases_with(label))
    point = count(findings, "reach", group=f"f {label}", threshold=50, noun=f"questions {label}")
    assert_safe(point.sentence, ends=0)


@pytest.mark.parametrize("label", NASTY)
def test_labels_are_escaped_and_not_lost(label):
    shown = repr(oms.recompute(cases_with(label), questions=[f"q {label}"]))
    assert label.encode("unicode_escape").decode() in shown


def bad_frames(label: str) -> dict[str, Callable[[], object]]:
    """List calls that raise an error which quotes some text."""
    framework = cases_with(label).framework
    sex, question = f"sex {label}", f"q {label}"
    good = {"case_id": [1, 2], "unit": ["A", "B"], sex: ["m", "m"], question: [1, 0]}
    good["graded"] = ["poor", "poor"]

    def read(**changes: Any) -> oms.CaseSet:
        return oms.CaseSet.from_data({**good, **changes}, framework=framework)

    return {
        "values": lambda: read(**{question: [label, 1]}),
        "texts": lambda: read(**{question: [label, label]}),
        "levels": lambda: read(**{sex: [label, "m"]}),
        "ids": lambda: read(case_id=[label, label]),
        "units": lambda: oms.CaseSet.from_data(good, framework=framework, units=[label]),
        "columns": lambda: oms.CaseSet.from_data({label: [1]}, framework=framework),
        "a column": lambda: cases_with(label)[label],
        "a question": lambda: oms.recompute(cases_with(label), questions=["x" + label]),
        "a breakdown": lambda: oms.recompute(cases_with(label), breakdowns=[label]),
        "a method": lambda: oms.stats.interval(1, 2, method=label),
        "names": lambda: oms.match_units([f"{label} x"], [oms.Unit("a"), oms.Unit("c", label)]),
        "a mapping": lambda: cases_with(label).regroup({label: "x"}),
        "dates": lambda: oms.age_group(["1990-01-01", label], "2024-01-01"),
        "a file": lambda: oms.recompute(f"{label}.parquet", framework=framework),
        "tallies": lambda: oms.tally(cases_with(label)).merge(oms.tally(cases_with("other"))),
        "sums": lambda: oms.score_tally(cases_with(label)).merge(
            oms.score_tally(cases_with("other"))
        ),
        "a stratum": lambda: oms.Stratum(label, ("a", "a")),
    }


@pytest.mark.parametrize("label", NASTY)
@pytest.mark.parametrize("name", tuple(bad_frames("plain")))
def test_errors(name, label):
    call = bad_frames(label)[name]
    with pytest.raises(oms.OmistatsError) as caught:
        call()
    error = caught.value
    lines = str(error).split("\n")
    assert_safe(str(error), ends=len(lines) - 1)
    # Every line but the first is a problem or a detail, so a label has made none.
    assert all(line.startswith("  - ") for line in lines[1:])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    if isinstance(error, oms.DataError):
        assert len(lines) == 1 + len(error.problems)
        for problem in error.problems:
            assert_safe(str(problem), ends=0)


def test_arguments_of_the_command_line(capsys):
    for words in (["practice", "--limit", HIDES], [HIDES], ["practice", "--criterion", FORGES]):
        with suppress(SystemExit):
            main(words)
        error = capsys.readouterr().err
        assert_safe(error, ends=error.count("\n"))
        assert "\nPlan shared" not in error


@given(st.text())
def test_visible_text_is_one_line_and_keeps_what_can_be_seen(text):
    shown = visible(text)
    assert_safe(shown, ends=0)
    assert visible(shown) == shown
    if text.isprintable():
        assert shown == text
    # Nothing is lost: undoing the escapes gives the text, unless it held a backslash itself.
    if "\\" not in text:
        assert shown.encode("raw_unicode_escape").decode("unicode_escape") == text


def assert_safe(text: str, ends: int) -> None:
    """Check that text has so many line ends and nothing else that a terminal acts on."""
    assert text.count("\n") == ends, text
    unsafe = {c for c in text if category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}
    assert not unsafe, text
