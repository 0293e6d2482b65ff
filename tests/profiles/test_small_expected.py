"""When an expected count is called small: below 5, and at 5 no longer."""

from __future__ import annotations

import pytest

import omistats as oms

FRAMEWORK = oms.Framework("caseload", (), [oms.Stratum("side", ["left", "right"])])


@pytest.mark.parametrize(("drawn", "small"), [(8, True), (10, False), (12, False)])
def test_five_is_not_small(drawn, small):
    # Half of the caseload is on each side, so half of the sample is expected there.
    sides = ["left", "right"] * 10
    ids = list(range(20))
    caseload, sample = (
        oms.CaseSet.from_data(
            {"case_id": ids[:n], "unit": ["U"] * n, "side": sides[:n]}, framework=FRAMEWORK
        )
        for n in (20, drawn)
    )
    found = oms.representativeness(sample, caseload).table
    assert found["smallest_expected"].to_pylist() == [drawn / 2] * 3  # not known is a row too
    assert found["small"].to_pylist() == [small] * 3
