"""A public study read through a mapping gives the 1,820 weighted percentages that it printed.

`data/masculinity_raw.csv.gz` holds the 1,615 cases of FiveThirtyEight's survey on masculinity of
2018, and `data/masculinity_crosstab.csv` what its crosstabs print, one row a figure: weighted
percentages, rounded half up, beside unweighted numbers of cases. Source:
github.com/fivethirtyeight/data at fcf572c, folder `masculinity-survey`, CC BY 4.0.
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

import omistats as oms
from omistats.mappings import CaseMapping, Characteristic, KeptColumn, Layout, QuestionColumn

DATA = Path(__file__).parent.parent / "data"
GROUPS = {
    "age3": ("18 - 34", "35 - 64", "65 and up"),
    "race2": ("White", "Non-white"),
    "kids": ("Has children", "No children"),
    "orientation": ("Straight", "Gay/Bisexual"),
}
# Printed with another apostrophe than in the cases.
SPELLED = {"It's the right thing to do": "It?s the right thing to do"}

Figure = tuple[str, str, str]


class Everyone(oms.Breakdown):
    """All cases."""

    key = "everyone"
    groups = ("Adult Men",)

    def classify(self, cases):
        return ["Adult Men"] * len(cases)


def read_printed() -> dict[Figure, tuple[int, int]]:
    """Read the base and the percentage of each variable, answer and group."""
    with (DATA / "masculinity_crosstab.csv").open(encoding="utf-8", newline="") as lines:
        return {
            (row["variable"], row["answer"], row["group"]): (
                int(row["unweighted_base"]),
                int(row["weighted_percent_printed"]),
            )
            for row in csv.DictReader(lines)
        }


def read_columns() -> dict[str, set[str]]:
    with gzip.open(DATA / "masculinity_raw.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {name: {row[name] for row in rows} for name in rows[0]}


@pytest.fixture(scope="module")
def printed() -> dict[Figure, tuple[int, int]]:
    return read_printed()


@pytest.fixture(scope="module")
def study(printed) -> tuple[oms.CaseSet, dict[str, tuple[str, str]]]:
    """The cases, and of each question with one answer, what it is printed as."""
    columns = read_columns()
    questions, codes = [], {}
    single: dict[str, tuple[str, str]] = {}
    for variable in dict.fromkeys(variable for variable, _, _ in printed):
        answers = list(dict.fromkeys(a for v, a, _ in printed if v == variable))
        if variable in columns:
            levels = [a for a in answers if a != "NA"]
            questions.append(
                oms.Question(
                    variable, variable, levels=levels, sufficient=levels[:1], ordered=False
                )
            )
            codes[variable] = {**{a: (a,) for a in levels}, "not applicable": ("NA",)}
            continue
        # A question with several answers has a column for each.
        for answer in answers:
            chosen = SPELLED.get(answer, answer)
            (name,) = (
                n
                for n, texts in columns.items()
                if n.startswith(f"{variable}_") and chosen in texts
            )
            questions.append(oms.Question(name, answer))
            single[name] = (variable, answer)
            codes[name] = {
                "sufficient": (chosen,),
                "not sufficient": ("Not selected",),
                "not applicable": ("NA",),
            }
    strata = [oms.Stratum(f"by_{name}", levels) for name, levels in GROUPS.items()]
    for name, levels in GROUPS.items():
        others = columns[name] - set(levels)
        codes[f"by_{name}"] = {
            **{level: (level,) for level in levels},
            "unknown": tuple(sorted(others)),
        }
    layout = Layout(
        id="[A]",  # no header
        unit="q0036",  # the file has no unit; the device that a man answered on is one
        questions={q.id: QuestionColumn(q.id, codes=(q.id,)) for q in questions},
        characteristics={f"by_{n}": Characteristic(n, codes=(f"by_{n}",)) for n in GROUPS},
        keep={"weight_of_case": KeptColumn("weight", "number")},
    )
    mapping = CaseMapping(layouts={"csv": layout}, codes=codes)
    framework = oms.Framework("masculinity", questions, strata, breakdowns=[])
    return oms.read_cases(DATA / "masculinity_raw.csv.gz", mapping, framework=framework), single


def computed(cases, single, level: int) -> dict[Figure, tuple[int, int]]:
    """Compute each figure of the level of that rank, weighted."""
    graded = {q.id: q.levels for q in cases.framework.questions if q.levels}
    cut = {id: [levels[level]] for id, levels in graded.items() if level < len(levels)}
    found = oms.recompute(
        cases.with_cut(cut) if cut else cases,
        breakdowns=[Everyone(), *(f"by_{name}" for name in GROUPS)],
        weight="weight_of_case",
        stratum=None,
    )
    figures = {}
    for row in found.table.to_pylist():
        id = row["question"]
        if id in cut:
            key = (id, cut[id][0], row["group"])
        elif id in single and level == 0:
            key = (*single[id], row["group"])
        else:
            continue
        figures[key] = (row["n"], row["printed"])
    return figures


def test_all_1820_printed_percentages_come_out(study, printed):
    cases, single = study
    assert len(cases) == 1_615
    figures: dict[Figure, tuple[int, int]] = {}
    for level in range(max(len(q.levels) for q in cases.framework.questions)):
        figures |= computed(cases, single, level)
    assert len(printed) == 1_820
    wrong = {
        key: (value, figures.get(key))
        for key, value in printed.items()
        if figures.get(key, (0, -1))[1] != value[1]
    }
    assert wrong == {}


def test_nothing_of_the_study_is_lost(study):
    cases, _ = study
    log = cases.treatment
    assert (log.rows, log.cases) == (1_615, 1_615)
    assert sum(cases["weight_of_case"].to_pylist()) == pytest.approx(1_615, abs=1)
