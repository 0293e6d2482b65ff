"""The counts behind findings."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

import omistats as oms
from tests.factories import BREAKDOWNS, Gender, Harm, Supervision, frame, random_frame, read


def test_shapes_units_and_text_form():
    counts = oms.tally(read(random_frame(1, 50), 3), by="unit", breakdowns=BREAKDOWNS)
    assert counts.units == ("U0", "U1", "U2", "U3")
    assert counts.questions == ("q0", "q1", "q2")
    assert counts.offsets == (0, 2, 4, 6, 10, 11)
    assert counts.k.shape == counts.n.shape == (4, 11, 3)
    assert counts.unknown_k.shape == counts.unknown_n.shape == (4, 5, 3)
    assert counts.cases.shape == (4, 11)
    assert counts.unclassified.shape == counts.left_out.shape == (4, 5)
    for name in ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "left_out"):
        assert getattr(counts, name).dtype == np.int64, name
    assert repr(counts) == "Tally: 4 units x 5 breakdowns x 3 questions"


def test_counts_of_a_frame_done_by_hand():
    """q0 is yes, no, not applicable, yes; units A, B, A, B."""
    data = frame(
        gender=["f", "f", "m", None],
        supervision=["community", "suspended", "licence", None],
        harm=["high", None, "not high", "not high"],
    )
    counts = oms.tally(read(data), breakdowns=[Gender(), Supervision(), Harm()], questions=["q0"])
    assert counts.units == ("all",)
    assert counts.k[0, :, 0].tolist() == [1, 0, 1, 0, 1, 2]
    assert counts.n[0, :, 0].tolist() == [2, 0, 1, 0, 1, 3]
    assert counts.cases[0].tolist() == [2, 1, 1, 1, 1, 4]
    assert counts.unclassified[0].tolist() == [1, 1, 1]
    assert counts.left_out[0].tolist() == [0, 1, 0]
    # Of the unclassified only a complement needs the answers.
    assert counts.unknown_k[0, :, 0].tolist() == [0, 0, 0]
    assert counts.unknown_n[0, :, 0].tolist() == [0, 0, 1]


def test_together_and_with_all_agree_with_counting_anew():
    cases = read(random_frame(2, 90), 3)
    by_unit = oms.tally(cases, by="unit", breakdowns=BREAKDOWNS)
    anew = oms.tally(cases, breakdowns=BREAKDOWNS)
    together, extended = by_unit.together(), by_unit.with_all()
    assert together.units == ("all",)
    assert together.together() is together
    assert extended.units == (*cases.units, "all")
    for name in ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "left_out"):
        np.testing.assert_array_equal(getattr(together, name), getattr(anew, name))
        np.testing.assert_array_equal(getattr(extended, name)[-1:], getattr(anew, name))
        np.testing.assert_array_equal(getattr(extended, name)[:-1], getattr(by_unit, name))


def test_counts_of_all_units_cannot_be_given_by_unit():
    with pytest.raises(oms.UsageError, match='tally\\(cases, by="unit"\\)'):
        oms.tally(read(), breakdowns=[Gender()]).with_all()


def test_the_source_is_a_case_set():
    with pytest.raises(oms.UsageError, match="expected a CaseSet, found dict"):
        oms.tally(frame(), breakdowns=[Gender()])
    with pytest.raises(oms.UsageError, match="`by` is None or 'unit'"):
        oms.tally(read(), by="region", breakdowns=[Gender()])


def test_sorted_and_unsorted_units_count_alike():
    data = random_frame(4, 101)
    order = sorted(range(101), key=lambda i: data["unit"][i])
    ordered = {name: [values[i] for i in order] for name, values in data.items()}
    one, other = (oms.tally(read(d, 3), by="unit", breakdowns=BREAKDOWNS) for d in (data, ordered))
    np.testing.assert_array_equal(one.k, other.k)
    np.testing.assert_array_equal(one.n, other.n)
    np.testing.assert_array_equal(one.cases, other.cases)


def test_units_in_a_declared_order_that_is_not_that_of_the_rows():
    data = random_frame(6, 70)
    names = ("U3", "none", "U0", "U2", "U1")
    counts = oms.tally(read(data, 3, units=names), by="unit", breakdowns=[Gender()])
    plain = oms.tally(read(data, 3), by="unit", breakdowns=[Gender()])
    for place, unit in enumerate(names):
        if unit == "none":
            assert counts.cases[place].sum() == counts.n[place].sum() == 0
        else:
            np.testing.assert_array_equal(counts.n[place], plain.n[int(unit[1])])


def test_a_tally_cannot_be_changed_under_its_findings():
    counts = oms.tally(read(), breakdowns=[Gender()])
    with pytest.raises(ValueError, match="read-only"):
        counts.k[...] = 0


def test_a_tally_holds_possible_counts():
    counts = oms.tally(read(), breakdowns=[Gender()])
    with pytest.raises(oms.UsageError, match="0 <= k <= n"):
        attrs.evolve(counts, k=counts.n + 1)
    with pytest.raises(oms.UsageError, match="has the shape"):
        attrs.evolve(counts, k=counts.k[:, :1])


def test_a_framework_without_standard_breakdowns_says_so():
    with pytest.raises(oms.UsageError, match="names no standard breakdowns"):
        oms.tally(read())
