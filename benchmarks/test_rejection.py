"""The clustered test keeps its level where chi-square on pooled answers does not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from benchmarks.rejection import HEADLINES, Rates, Setting, as_markdown, rejections

# Small programmes leave time for many lots, and it is lots that are counted.
SETTING = Setting("6 units of 100 cases, a quarter against the rest", 6, 100, 0.25)
PROGRAMMES, LOTS = 10, 200
TESTS = PROGRAMMES * LOTS
# Three standard errors of 2,000 tests that reject 5% of the time: from 3.5% to 6.5%.
ROOM = 3 * (0.05 * 0.95 / TESTS) ** 0.5


@pytest.fixture(scope="module")
def rates() -> Rates:
    return rejections(SETTING, programmes=PROGRAMMES, lots=LOTS)


def at_level(rates: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.asarray(abs(rates.mean(axis=0) - 0.05) < ROOM)


def test_the_yardstick_tells_a_wrong_test_from_a_right_one() -> None:
    """The power: how likely a test of some true rate is to pass for one of 5%."""

    def passes(rate: float) -> float:
        low, high = TESTS * (0.05 - ROOM), TESTS * (0.05 + ROOM)
        inside = np.arange(np.floor(low) + 1, np.ceil(high))
        return float(stats.binom.pmf(inside, TESTS, rate).sum())

    assert passes(0.05) > 0.99
    # Answers taken for independent, at a design effect of 1.3 (two of the headlines).
    assert 2 * stats.norm.sf(1.96 / 1.3**0.5) == pytest.approx(0.0856, abs=5e-4)
    assert passes(0.0856) < 1e-3
    # A test that is too shy by half is caught too.
    assert passes(0.025) < 1e-2


def test_the_clustered_test_rejects_at_its_level(rates: Rates) -> None:
    assert rates.clustered.shape == (PROGRAMMES, len(HEADLINES))
    assert at_level(rates.clustered).all(), rates.clustered.mean(axis=0)
    assert at_level(rates.design_df).all(), rates.design_df.mean(axis=0)


def test_chi_square_on_pooled_answers_rejects_too_often(rates: Rates) -> None:
    assert not at_level(rates.pooled).all(), rates.pooled.mean(axis=0)
    assert (rates.pooled.mean(axis=0) > 0.05).all()
    # As often as the design effect says that it would.
    expected = 2 * stats.norm.sf(1.96 / np.sqrt(rates.design_effect.mean(axis=0)))
    assert rates.pooled.mean(axis=0) == pytest.approx(expected, abs=2 * ROOM)


def test_a_seed_decides(rates: Rates) -> None:
    again = rejections(SETTING, programmes=1, lots=LOTS)
    assert (again.clustered == rates.clustered[0]).all()
    assert (again.pooled == rates.pooled[0]).all()
    other = rejections(SETTING, programmes=1, lots=LOTS, seed=PROGRAMMES + 1)
    assert (other.pooled != rates.pooled[0]).any()


def test_the_rates_are_shown(rates: Rates) -> None:
    shown = as_markdown(SETTING, rates)
    for i, headline in enumerate(HEADLINES):
        cells = [f"{100 * r[:, i].mean():.2f} ± " for r in (rates.clustered, rates.pooled)]
        line = next(line for line in shown.splitlines() if line.startswith(f"| {headline} |"))
        assert all(cell in line for cell in cells)
