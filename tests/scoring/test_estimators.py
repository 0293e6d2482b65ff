"""Another standard error reaches every result that is made from an estimator of scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from tests.scoring.programme import SIZES, WALD, case_set, read

import omistats as oms

# Internal: a standard error is changed where developers would change it.
from omistats.kernel.ratio import Ratios
from omistats.scoring import compute
from omistats.scoring.estimators import Estimator

OPTIONS: dict[str, dict[str, Any]] = {
    "units as strata": {},
    "caseloads": {"population": dict.fromkeys(SIZES, 100)},
    "weights": {"weight": [1.0 + i % 3 for i in range(sum(SIZES.values()))]},
    "sums": {},
}


class TwiceTheError:
    """An estimator whose standard errors are twice those of another."""

    def __init__(self, one: Estimator) -> None:
        self._one = one
        self.counts, self.df_design = one.counts, one.df_design
        self.is_clustered, self.case_counts = one.is_clustered, one.case_counts

    def estimates(self, all_units: bool) -> Ratios:
        found = self._one.estimates(all_units)
        return Ratios(found.estimate, 2 * found.se, 4 * found.design_effect)

    def covariance(self, domains: Any, se: Any, all_units: bool) -> Any:
        return 4 * self._one.covariance(domains, se / 2, all_units)

    def compare_with_rest(self, unit: int, rest: Any) -> Any:
        found = self._one.compare_with_rest(unit, rest)
        return attrs.evolve(found, covariance=4 * found.covariance)

    def effective_sums(self, *arguments: Any) -> Any:
        return self._one.effective_sums(*arguments)

    def fpc_metadata(self, items: Any) -> Any:
        found = self._one.fpc_metadata(items)
        if found is None:
            return None
        return attrs.evolve(found, within={item: 4 * x for item, x in found.within.items()})


def twice(choose: Callable[..., Estimator]) -> Callable[..., Any]:
    return lambda *arguments, **options: TwiceTheError(choose(*arguments, **options))


def column(table: Any, name: str) -> Any:
    values = table[name].fill_null(np.nan).to_numpy()
    assert not np.isnan(values).all(), name
    return values


@pytest.fixture(params=list(OPTIONS))
def both(request, monkeypatch) -> tuple[oms.Scores, oms.Scores]:
    """Scores of the same cases, by the estimator as it is and with twice its standard error."""
    cases, breakdowns = case_set(read()), ["gender", "plan"]
    source, options = (
        cases,
        {"by": "unit", "breakdowns": breakdowns, **WALD, **OPTIONS[request.param]},
    )
    if request.param == "sums":
        source = oms.score_tally(cases, breakdowns=breakdowns)
        del options["breakdowns"]
    plain = oms.scores(source, **options)
    for name in ("choose_estimator", "pooled_estimator"):
        monkeypatch.setattr(compute, name, twice(getattr(compute, name)))
    return plain, oms.scores(source, **options)


def test_it_reaches_scores_and_tests_of_groups(both):
    plain, wide = (scores.table for scores in both)
    for name, factor in {"percent": 1, "se": 2, "statistic": 1 / 4, "difference": 1}.items():
        np.testing.assert_allclose(column(wide, name), factor * column(plain, name), rtol=1e-9)
    for low, high in (("low", "high"), ("difference_low", "difference_high")):
        widths = [column(table, high) - column(table, low) for table in (plain, wide)]
        np.testing.assert_allclose(widths[1], 2 * widths[0], rtol=1e-9)


def test_it_reaches_weaknesses(both):
    plain, wide = (scores.weaknesses().table for scores in both)
    for name, factor in {"difference": 1, "se": 2, "statistic": 1 / 4}.items():
        np.testing.assert_allclose(column(wide, name), factor * column(plain, name), rtol=1e-9)


def test_it_reaches_the_funnel(both):
    plain, wide = (scores.units("1.1") for scores in both)
    assert wide.design_effect == pytest.approx(4 * plain.design_effect)
    np.testing.assert_allclose(column(wide.table, "z"), column(plain.table, "z") / 2, rtol=1e-9)
    assert (column(wide.table, "high_95") >= column(plain.table, "high_95")).all()
