"""A made-up programme and synthetic cases.

``python -m tests.scoring.programme`` writes the cases beside the oracles, and says which question
feeds which item for the R script that computes reference numbers from both.
"""

from __future__ import annotations

import csv
import random
from typing import Any

import pyarrow as pa
from tests.factories import ORACLES

import omistats as oms
from omistats import Item, Link, Question

# Internal: a type of the framework.
from omistats.model.framework import Provenance

CASES = ORACLES / "scores_cases.csv"
FEEDS = ORACLES / "scores_feeds.csv"

ITEMS = (
    Item("1", "section", "Finding out"),
    Item("2", "section", "Doing <b>&</b> keeping"),
    Item("1.1", "criterion", "Asking", parent="1"),
    Item("1.2", "criterion", "Listening", parent="1"),
    Item("2.1", "criterion", "Acting", parent="2"),
    Item("2.2", "criterion", "Recording", parent="2"),
    Item("2.3", "criterion", "Nobody asks about this", parent="2"),
    Item("safety", "headline", "Safety"),
    Item("progress", "headline", "Progress"),
)

# Id, criterion and its source, headlines and their sources, the question's own source.
_QUESTIONS: tuple[tuple[str, str | None, Provenance, dict[str, Provenance], Provenance], ...] = (
    ("a1", "1.1", "published", {"safety": "published"}, "published"),
    ("a2", "1.1", "published", {}, "published"),
    ("a3", "1.1", "published", {"progress": "inferred"}, "published"),
    ("b1", "1.2", "published", {"safety": "published", "progress": "published"}, "published"),
    ("b2", "1.2", "inferred", {}, "published"),
    ("b3", "1.2", "published", {"progress": "published"}, "published"),
    ("c1", "2.1", "published", {"safety": "published"}, "published"),
    ("c2", "2.1", "published", {}, "published"),
    ("c3", "2.1", "invented", {"progress": "invented"}, "invented"),
    ("d1", "2.2", "published", {}, "published"),
    ("d2", None, "published", {"safety": "published"}, "published"),
    # Feeds nothing.
    ("e1", None, "published", {}, "published"),
)

STRATA = {
    "gender": ("f", "m"),
    "plan": ("early", "late", "never"),
    "harm": ("high", "medium", "low"),
}
SIZES = {"north": 34, "south": 27, "east": 22, "west": 21, "coast": 16, "isle": 3}


class Harm(oms.Breakdown):
    key = "harm"
    groups = ("high", "all")
    contrast = "complement"


def framework(**changes: Any) -> oms.Framework:
    """Make the framework."""
    questions = [
        Question(
            id,
            f"Question {id}",
            Link(criterion, source) if criterion else None,
            tuple(Link(item, where) for item, where in headlines.items()),
            provenance=own,
        )
        for id, criterion, source, headlines, own in _QUESTIONS
    ]
    strata = [oms.Stratum(name, levels) for name, levels in STRATA.items()]
    return oms.Framework(
        **{
            "name": "made up",
            "questions": questions,
            "strata": strata,
            "items": ITEMS,
            "breakdowns": ("gender", "plan"),
            **changes,
        }
    )


FRAMEWORK = framework()

BREAKDOWNS: tuple[oms.Breakdown | str, ...] = ("gender", "plan", Harm())

# What R and the recounts of standard errors have; the default is on effective answers.
WALD: dict[str, Any] = {"interval": "wald", "test": "wald"}


def have_spread(table: pa.Table) -> pa.Array:
    """Flag rows of comparisons without a group of one case, one cluster, or cases all alike.

    Wald's rules by name, as in R, take the standard error of 0 of such a group for certainty.
    """
    rows = table.to_pylist()
    keys = [(row["unit"], row["breakdown"], row["item"]) for row in rows]
    lack = {
        key
        for key, row in zip(keys, rows, strict=True)
        if any(word in f"{row['reason']}{row['reliability']}" for word in (" only", "all alike"))
    }
    return pa.array([key not in lack for key in keys])


def feeds(item: str) -> list[str]:
    """List the questions that feed an item, from the list above."""
    return [
        id
        for id, criterion, _, headlines, _ in _QUESTIONS
        if criterion == item or (criterion or "").split(".")[0] == item or item in headlines
    ]


def case_set(rows: list[dict[str, Any]]) -> oms.CaseSet:
    """Make a case set of rows; the units in the order of `SIZES`."""
    columns = ["case_id", "unit", *STRATA, *FRAMEWORK.question_ids]
    data = {name: [row[name] for row in rows] for name in columns}
    return oms.CaseSet.from_data(data, framework=FRAMEWORK, units=list(SIZES))


def read() -> list[dict[str, Any]]:
    """Read the committed cases."""
    answers = {"1": True, "0": False, "": None}
    with CASES.open(encoding="utf-8", newline="") as file:
        return [
            {
                name: answers[value] if name in FRAMEWORK.question_ids else value or None
                for name, value in row.items()
            }
            for row in csv.DictReader(file)
        ]


def generate() -> list[dict[str, Any]]:
    """Draw cases of differing quality, in no order of units; some strata are unknown."""
    draw = random.Random(20110303)
    rows = []
    units = [unit for unit, size in SIZES.items() for _ in range(size)]
    draw.shuffle(units)
    for i, unit in enumerate(units):
        row: dict[str, Any] = {"case_id": f"s{i:03d}", "unit": unit, "synthetic": "simulated"}
        for name, levels in STRATA.items():
            level = draw.choices(levels, weights=range(1, len(levels) + 1))[0]
            row[name] = level if draw.random() > 0.06 else ""
        quality = draw.gauss(0.68 + 0.02 * len(unit), 0.2) - 0.1 * (row["harm"] == "high")
        for j, (id, *_) in enumerate(_QUESTIONS):
            applicable = draw.random() < (0.9, 0.55, 0.75)[j % 3]
            well = draw.random() < quality
            row[id] = str(int(well)) if applicable else ""
        rows.append(row)
    return rows


def write() -> None:
    """Write the cases, and the questions that feed each item."""
    with CASES.open("w", encoding="utf-8", newline="") as file:
        rows = generate()
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
    with FEEDS.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["item", "question"])
        lines.writerows((item.id, q) for item in ITEMS for q in feeds(item.id))


if __name__ == "__main__":
    write()
