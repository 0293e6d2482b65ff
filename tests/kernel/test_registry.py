"""Methods by name, and methods of a user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import omistats as oms
from omistats import UnknownNameError, UsageError

# Internal: a registry of its own leaves the public ones as they are.
from omistats.kernel.registry import MethodRegistry


@pytest.fixture
def halves() -> MethodRegistry[Callable[[float], float]]:
    methods: MethodRegistry[Callable[[float], float]] = MethodRegistry(
        "fraction", "f(x) -> y", outputs=1
    )
    methods.register("one-half", lambda x: x / 2, ["half", "50%"])
    return methods


@pytest.mark.parametrize("name", ["one-half", "One_Half", "half", " HALF ", "50%"])
def test_every_spelling_finds_the_method_and_its_own_name(
    halves: MethodRegistry[Callable[[float], float]], name: str
) -> None:
    assert halves.name(name) == "one-half"
    assert halves[name](4.0) == 2.0
    assert name in halves


def test_an_unknown_name_lists_the_near_ones(
    halves: MethodRegistry[Callable[[float], float]],
) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'one-half'"):
        halves["one-haf"]
    with pytest.raises(UsageError, match="must be one of one-half; found 3"):
        halves.name(3)  # type: ignore[arg-type]  # what a user may pass all the same
    assert 3 not in halves


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("half", abs), r"remove\('one-half'\)"),
        (("third", abs, ["Half"]), "'Half' is already a name of the fraction 'one-half'"),
        (("third", abs, "3rd"), "must be a list of names"),
        (("", abs), "must be non-empty text"),
        (("third", 3), r"must be a function f\(x\) -> y"),
    ],
)
def test_a_method_that_cannot_be_added_leaves_nothing_behind(
    halves: MethodRegistry[Callable[[float], float]], arguments: tuple[object, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        halves.register(*arguments)  # type: ignore[arg-type]  # what is refused
    assert list(halves) == ["one-half"]
    assert len(halves) == 1


def test_what_was_added_can_be_taken_away(halves: MethodRegistry[Callable[[float], float]]) -> None:
    halves.remove("50%")
    assert (len(halves), "half" in halves) == (0, False)
    halves.register("half", abs)
    with pytest.raises(UnknownNameError):
        halves.remove("third")


def test_a_new_method_is_found_and_listed(halves: MethodRegistry[Callable[[float], float]]) -> None:
    halves.register("third", lambda x: x / 3)
    assert halves["THIRD"](9.0) == 3.0
    assert repr(halves) == "fraction methods, called as f(x) -> y: one-half, third"


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda k, n, confidence: k / n, "f.k, n, .*; it returned"),
        (lambda k, n: (k, n), "f.k, n, .*; .* takes 2 positional arguments"),
        (lambda k, n, confidence: (k, "high"), "f.k, n, .*; could not convert"),
        (lambda k, n, confidence: (0.0, 1.0), "f.k, n, .*; it returned an array of shape"),
    ],
)
def test_a_slip_in_a_method_of_ones_own_is_named(function: Any, says: str) -> None:
    oms.stats.INTERVALS.register("slip", function)
    try:
        with pytest.raises(UsageError, match=f"the interval 'slip' must be a function {says}"):
            oms.stats.interval([1, 2, 3], 5, "slip")
    finally:
        oms.stats.INTERVALS.remove("slip")


@pytest.mark.parametrize("name", ["cmh", "Rao_Scott_F"])
def test_names_of_tests_that_findings_have_are_reserved(name: str) -> None:
    for methods in (oms.stats.TESTS, oms.stats.GROUP_TESTS):
        with pytest.raises(UsageError, match="choose another name"):
            methods.register(name, lambda *counts: counts)
        assert name not in methods
