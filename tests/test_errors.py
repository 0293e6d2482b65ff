"""Errors cross the border between processes whole."""

from __future__ import annotations

import pickle

import pytest

import omistats as oms


@pytest.mark.parametrize(
    "error",
    [
        oms.DataError(
            [oms.Problem("here", "rule", "found", "hint"), oms.Problem("a", "b", "c", "d")]
        ),
        oms.UnknownNameError("question", ["a", "b"], ("c", "d")),
        oms.UnknownNameError("programme", "a", ("c", "d"), "There is a folder of that name"),
        oms.UsageError("one sentence"),
    ],
)
def test_errors_survive_a_pickle(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_an_unknown_name_where_there_are_none():
    with pytest.raises(oms.UnknownNameError, match="unknown item 'safety'; there are none"):
        oms.Framework("demo", []).item("safety")


@pytest.mark.parametrize("digits", [400, 5000])
def test_numbers_of_any_length_are_told(digits):
    """Python refuses to write out more than 4,300 digits, and to make floats of large numbers."""
    number = -(10**digits)
    for call in (
        lambda: oms.stats.interval(14, 20, confidence=number),
        lambda: oms.Framework("demo", []).question(number),
        lambda: oms.Framework(number, [number]),  # type: ignore[arg-type, list-item]
        lambda: oms.stats.interval(14, 20, method=number),  # type: ignore[arg-type]
        lambda: oms.scores(oms.omi2.load_synthetic(), items=[number]),  # type: ignore[list-item]
    ):
        with pytest.raises(oms.OmistatsError, match="more than 60 digits"):
            call()


def test_control_characters_of_names_are_written_out():
    link = oms.Link("\x1b[31mred", "invented")
    with pytest.raises(oms.DataError) as caught:
        oms.Framework("demo", [oms.Question("q\x07", "Q", link)])
    assert r"q\x07: a link must name an item" in str(caught.value)
    assert r"\x1b[31mred" in str(caught.value)
    assert str(caught.value).replace("\n", "").isprintable()
