"""How often tests of scores find a difference where there is none.

``python -m benchmarks.rejection [--programmes 400]``, from the root of the repository.

Programmes are simulated, and every case draws a lot that decides its group, so groups
differ by chance alone and a test at 5% should reject 5% of the time. Compared are the
clustered test of scores and Pearson's chi-square on pooled answers, which takes every
answer for a case of its own.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

import omistats as oms

__all__ = ["HEADLINES", "Lot", "Rates", "Setting", "as_markdown", "rejections"]

HEADLINES = ("risk_of_harm", "reoffending", "compliance")


class Lot(oms.Breakdown):
    """Groups that are drawn by lot."""

    groups = ("drawn", "left")

    def __init__(self, number: int, seed: int, share: float) -> None:
        self.key = f"lot_{number}"
        self.random = np.random.default_rng([seed, number])
        self.share = share

    def classify(self, cases: oms.CaseSet) -> npt.NDArray[np.str_]:
        return np.where(self.random.random(len(cases)) < self.share, *self.groups)


@attrs.frozen
class Setting:
    """What programmes are like.

    Attributes
    ----------
    label : str
        In words.
    units : int
        Units in each.
    cases : int or None
        Cases kept in each unit; all of its 100 to 220 by default.
    share : float
        Of the cases that the lot puts in the first group.
    """

    label: str
    units: int
    cases: int | None
    share: float


SETTINGS = (
    Setting("15 units, a quarter against the rest", 15, None, 0.25),
    Setting("15 units, a tenth against the rest", 15, None, 0.1),
    Setting("2 units of 12 cases, halves", 2, 12, 0.5),
)


@attrs.frozen(eq=False)
class Rates:
    """Shares of tests that rejected at 5%, by headline element.

    Attributes
    ----------
    clustered, design_df, pooled : ndarray of float64, shape (programmes, headlines)
        Of the lots of each programme: the test of scores; the same with ``df="design"``;
        chi-square on pooled answers.
    design_effect : ndarray of float64, shape (programmes, headlines)
        Of the whole programme's score.
    lots : int
        Lots a programme.
    """

    clustered: npt.NDArray[np.float64]
    design_df: npt.NDArray[np.float64]
    pooled: npt.NDArray[np.float64]
    design_effect: npt.NDArray[np.float64]
    lots: int

    @staticmethod
    def error(rates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The Monte Carlo standard error of a mean over programmes."""
        return np.asarray(rates.std(axis=0, ddof=1) / np.sqrt(len(rates)))


def _programme(setting: Setting, seed: int) -> oms.CaseSet:
    cases = oms.omi2.simulate(setting.units, seed=seed, difference={})
    if setting.cases is None:
        return cases
    _, unit = np.unique(cases["unit"].to_pylist(), return_inverse=True)
    place = np.arange(len(cases)) - np.searchsorted(unit, unit)
    return cases.filter(place < setting.cases)


def _rejects(found: oms.Scores) -> Any:
    """Say which comparisons reject, shape (lots, headlines), tested and then pooled."""
    columns = found.table.filter(found.table["group"].is_valid()).to_pydict()
    shape = (-1, len(HEADLINES), 2)
    p_value = np.array(columns["p_value"], float).reshape(shape)[..., 0]
    k, n = (np.array(columns[name], float).reshape(shape) for name in ("k", "n"))
    pooled = oms.stats.compare(k[..., 0], n[..., 0], k[..., 1], n[..., 1]).p_value
    return p_value < 0.05, pooled < 0.05


def rejections(setting: Setting, programmes: int, lots: int = 20, seed: int = 1) -> Rates:
    """Draw lots in simulated programmes and test what they differ by.

    Seeds of programmes count on from ``seed``, and lots have streams of their own.
    """
    rows: list[list[Any]] = []
    for number in range(seed, seed + programmes):
        cases = _programme(setting, number)
        tests = []
        for df in (None, "design"):
            # The same lots again: each starts from its own seed.
            drawn = [Lot(i, number, setting.share) for i in range(lots)]
            found = oms.scores(cases, items=HEADLINES, breakdowns=drawn, df=df, test="wald")
            tests.append(_rejects(found))
        whole = found.breakdown().table["design_effect"].to_numpy()
        rows.append([tests[0][0].mean(0), tests[1][0].mean(0), tests[0][1].mean(0), whole])
    return Rates(*np.moveaxis(np.array(rows, np.float64), 1, 0), lots)


def as_markdown(setting: Setting, found: Rates) -> str:
    """Lay the rates out, in percent."""
    count = len(found.clustered)
    out = [
        f"## {setting.label}",
        "",
        f"{count:,} simulated programmes, {found.lots} lots in each; in percent, ± the Monte",
        "Carlo standard error.",
        "",
        '| | clustered | clustered, df="design" | chi-square, pooled answers | design effect |',
        "|---|---:|---:|---:|---:|",
    ]
    for i, headline in enumerate(HEADLINES):
        cells = [
            f"{100 * rate[:, i].mean():.2f} ± {100 * found.error(rate)[i]:.2f}"
            for rate in (found.clustered, found.design_df, found.pooled)
        ]
        out.append(f"| {headline} | {' | '.join(cells)} | {found.design_effect[:, i].mean():.2f} |")
    return "\n".join([*out, ""])


def main() -> int:
    """Simulate every setting and print the rates."""
    parser = argparse.ArgumentParser(description="Count rejections where nothing differs.")
    parser.add_argument("--programmes", type=int, default=400, help="simulated a setting")
    parser.add_argument("--lots", type=int, default=20, help="groupings drawn a programme")
    parser.add_argument("--seed", type=int, default=1, help="of the first programme")
    options = parser.parse_args()
    print("# Rejections of a true hypothesis at 5%\n")
    for setting in SETTINGS:
        print(as_markdown(setting, rejections(setting, *vars(options).values())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
