"""Write the shipped cases as CSV for the R script: ``python -m tests.scoring.export FOLDER``."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from tests.factories import ORACLES

import omistats as oms

STAMP = ORACLES / "scores_shipped.txt"


def stamp(cases: oms.CaseSet) -> str:
    """Identify the cases: their number, and a hash of every value and link."""
    digest = hashlib.sha256()
    for table in (case_rows(cases), feed_rows(cases.framework), breakdown_rows()):
        for row in table:
            digest.update("\t".join(map(str, row)).encode() + b"\n")
    return f"{len(cases)} cases, sha256 {digest.hexdigest()}\n"


def case_rows(cases: oms.CaseSet) -> Iterable[list[Any]]:
    """List header and rows; answers are 1, 0 and empty."""
    asked = cases.framework.question_ids
    columns = ["case_id", "unit", *(b.column or b.key for b in oms.omi2.STANDARD), *asked]
    yield columns
    spoken = {None: "", True: "1", False: "0"}
    for row in pa.table(cases).select(columns).to_pylist():
        yield [
            spoken[value] if name in asked else "" if value is None else value
            for name, value in row.items()
        ]


def feed_rows(framework: oms.Framework) -> Iterable[list[str]]:
    """List the questions that feed each item; a criterion's feed its section."""
    yield ["item", "question"]
    for item in framework.items:
        for q in framework.questions:
            links = {link.item for link in q.links}
            links |= {framework.item(link).parent or link for link in links}
            if item.id in links:
                yield [item.id, q.id]


def breakdown_rows() -> Iterable[list[str]]:
    """List the groups of the standard breakdowns."""
    yield ["breakdown", "column", "contrast", "group"]
    for b in oms.omi2.STANDARD:
        for group in b.groups:
            if group != "all":
                yield [b.key, b.column or b.key, b.contrast, group]


def main(folder: Path) -> None:
    """Write the tables, and a stamp of the cases next to the oracles."""
    cases = oms.omi2.load_synthetic()
    tables = {
        "cases": case_rows(cases),
        "feeds": feed_rows(cases.framework),
        "breakdowns": breakdown_rows(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
    STAMP.write_text(stamp(cases), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
