"""The public types as a user's checker sees them, read from the installed package, never run.

An ignore marks what must be refused: mypy reports it as unused should the call ever be accepted.
"""

from __future__ import annotations

from typing import assert_type

import omistats as oms


def errors_form_one_family(error: oms.DataError) -> None:
    caught: oms.OmistatsError = error
    assert_type(error.problems, tuple[oms.Problem, ...])
    assert_type(str(caught), str)


def one_call_from_cases_to_findings(cases: oms.CaseSet) -> None:
    assert_type(oms.recompute(cases), oms.Findings)
    assert_type(oms.recompute(cases, by="unit"), oms.Findings)
    assert_type(oms.tally(cases), oms.Tally)
    oms.recompute(cases, by="region")  # type: ignore[arg-type]


def the_numeric_face_answers_with_records() -> None:
    assert_type(oms.compare(30, 50, 20, 50), oms.Comparison)
    assert_type(oms.interval([30, 20], 50), oms.Interval)
    oms.interval("thirty", 50, confidence="high")  # type: ignore[arg-type]


class Tenure(oms.Breakdown):
    """Housing tenure at sentence."""

    key = "tenure"
    groups = ("owned", "rented", "none")


def a_breakdown_of_ones_own_is_passed_as_an_instance(cases: oms.CaseSet) -> None:
    assert_type(oms.recompute(cases, breakdowns=[*oms.STANDARD, Tenure()]), oms.Findings)


def a_framework_is_declared_with_plain_lists() -> None:
    home_visit = oms.Question("home_visit", "Home visited")
    tenure = oms.Stratum("tenure", ["owned", "rented", "none"])
    framework = oms.Framework("demo", [home_visit], strata=[tenure])
    assert_type(framework.questions, tuple[oms.Question, ...])
    assert_type(tenure.levels, tuple[str, ...])
