"""What was found in the index of good practice, for people and for programs."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import Any

import attrs
import pyarrow as pa

from omistats.findings import show
from omistats.findings.frames import Exports
from omistats.model.marks import is_synthetic
from omistats.omi2.framework import FRAMEWORK
from omistats.scores import Weaknesses

__all__ = ["SCHEMA", "Practice", "printable"]

_LABELS = pa.list_(pa.string())
_WIDTH = 88
_SOURCE = "OMI 2 good practice examples, HM Inspectorate of Probation, 2012"
_SIGN = "difference: percentage points from the rest; negative is below it"
_FIGURES = ("difference", "score")
_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")

SCHEMA = pa.schema(
    [
        ("rank", pa.int32()),
        *((name, pa.string()) for name in ("id", "criterion", "unit", "kind")),
        ("order", pa.int16()),
        *((name, _LABELS) for name in ("themes", "matched", "ids", "criteria")),
        ("item", pa.string()),
        ("difference", pa.float64()),
        ("score", pa.float64()),
        ("score_reason", pa.string()),
    ]
)
"""The columns, before texts."""


@attrs.frozen(eq=False, repr=False)
class Practice(Exports):
    """Examples of good practice, best match first.

    Attributes
    ----------
    table : pyarrow.Table
        A row an example: ``rank``; ``id, criterion, unit, kind, order`` of the entry that
        matched, as in `load_good_practice`; ``themes``, and ``matched``, those asked for;
        ``ids, criteria`` of all entries of the same example, the first of them first;
        ``item`` that the unit asked about is weak on and its ``difference`` from the rest
        (percentage points; negative is below the rest), null where no weakness was looked for;
        ``score`` of the example's own unit on the criterion (percent), or ``score_reason`` why
        there is none; ``text`` where texts were given.
    found : int
        How many fit, before the limit.
    weaknesses : Weaknesses or None
        How the unit asked about stands beside the rest.
    notes : tuple of str
        What could not be looked for or found, in sentences.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.omi2.practice(criterion="2.3", theme="alcohol", limit=2)
    >>> found.found, found.notes
    (3, ('1 more example fits; raise the limit to see more',))
    >>> found.to_dict()["examples"][0]["id"]
    '2.3-15'
    """

    table: pa.Table
    found: int
    weaknesses: Weaknesses | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give everything as lists, texts and numbers, for JSON.

        Returns
        -------
        dict
            ``examples`` (a dictionary a row of ``table``), ``found``, ``weaknesses`` (the items
            credibly below the rest, None where none were looked for), ``notes`` and
            ``synthetic`` (whether the scores were).
        """
        weak = self.weaknesses
        return {
            "examples": self.table.to_pylist(),
            "found": self.found,
            "weaknesses": None if weak is None else weak.credible().to_pylist(),
            "notes": list(self.notes),
            "synthetic": is_synthetic(self.table.schema.metadata),
        }

    def __repr__(self) -> str:
        head, lines, tail = self._shown()
        labels = sum(name not in _FIGURES for name in lines[0])
        shown = show.as_text(head, lines, "", labels=labels) if len(lines) > 1 else head
        parts = [shown, *self._texts()]
        return "\n".join([*parts, *(["", tail] if tail else [])])

    def _repr_html_(self) -> str:
        head, lines, tail = self._shown()
        if "text" in self.table.column_names:
            texts = self.table["text"].to_pylist()
            lines = [
                [*lines[0], "text"],
                *([*a, printable(b or "")] for a, b in zip(lines[1:], texts, strict=True)),
            ]
        return show.as_html(head.replace("\n", "; "), lines, tail)

    def _texts(self) -> list[str]:
        if "text" not in self.table.column_names:
            return []
        parts = []
        for row in self.table.select(["id", "unit", "text"]).to_pylist():
            body = "(no text)" if row["text"] is None else printable(row["text"])
            wrapped = textwrap.fill(
                body, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
            )
            parts.append(f"\n{row['id']} ({row['unit']})\n{wrapped}")
        return parts

    def _shown(self) -> tuple[str, list[list[str]], str]:
        made_up = ", weaknesses from SYNTHETIC cases" * (
            self.weaknesses is not None and is_synthetic(self.table.schema.metadata)
        )
        rows = self.table.to_pylist()
        count = f"{len(rows)}" if len(rows) == self.found else f"{len(rows)} of {self.found}"
        head = f"Practice: {count} example{'s' * (self.found != 1)}{made_up}"
        if not rows:
            return head, [[]], self._notes()
        head += f"\nFrom: {_SOURCE}"
        labels = {item.id: item.label for item in FRAMEWORK.items}
        for id in dict.fromkeys(row["criterion"] for row in rows):
            head += f"\n{id}  {labels.get(id, '')}".rstrip()
        columns: list[tuple[str, list[str]]] = [
            ("id", [row["id"] for row in rows]),
            ("unit", [row["unit"] for row in rows]),
            ("kind", [row["kind"] for row in rows]),
            ("themes", [", ".join(row["themes"]) for row in rows]),
            ("also under", [_others(row) for row in rows]),
            ("difference", [_number(row["difference"], "+.1f") for row in rows]),
            ("score", [_number(row["score"], ".1f") for row in rows]),
        ]
        # What no example has is no column.
        shown = [(name, cells) for name, cells in columns if any(cells)]
        if any(name == "difference" for name, _ in shown):
            head += f"\n{_SIGN}"
        lines = [[name for name, _ in shown]]
        lines += [list(line) for line in zip(*(cells for _, cells in shown), strict=True)]
        return head, lines, self._notes()

    def _notes(self) -> str:
        return "\n".join(f"Note: {printable(note)}." for note in self.notes)


def _others(row: dict[str, Any]) -> str:
    return ", ".join(id for id in row["ids"] if id != row["id"])


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def printable(text: str) -> str:
    """Give a text without what a terminal would act on: control, format and lone surrogates.

    Line ends stay; other white space becomes spaces.
    """
    spaced = (" " if c in "\t\v\f\x85\xa0" else c for c in text)
    return "".join(c for c in spaced if c == "\n" or unicodedata.category(c) not in _UNSHOWN)
