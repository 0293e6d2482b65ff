"""The clustered test keeps its level where chi-square on pooled answers does not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rejection import HEADLINES, SETTINGS, Rates, as_markdown, rejections


@pytest.fixture(scope="module")
def rates() -> Rates:
    return rejections(SETTINGS[0], programmes=25, lots=40)


def test_the_clustered_test_rejects_at_its_level(rates: Rates) -> None:
    error = np.maximum(rates.error(rates.clustered), 0.003)
    assert (abs(rates.clustered.mean(axis=0) - 0.05) < 4 * error).all()


def test_chi_square_on_pooled_answers_rejects_too_often(rates: Rates) -> None:
    error = np.maximum(rates.error(rates.pooled), 0.003)
    assert (rates.pooled.mean(axis=0) - 0.05 > 2.5 * error).all()


def test_a_seed_decides(rates: Rates) -> None:
    again = rejections(SETTINGS[0], programmes=2, lots=40)
    assert (again.clustered == rates.clustered[:2]).all()
    assert (again.pooled == rates.pooled[:2]).all()


def test_the_rates_are_shown(rates: Rates) -> None:
    shown = as_markdown(SETTINGS[0], rates)
    assert all(f"| {headline} |" in shown for headline in HEADLINES)
