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
