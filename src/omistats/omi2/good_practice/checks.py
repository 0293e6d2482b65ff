"""Everything that a rendering of the publication lacks, said at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from omistats.errors import Problem, shown
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.good_practice.fingerprint import words
from omistats.omi2.good_practice.index import Known
from omistats.omi2.good_practice.matching import Matched
from omistats.omi2.good_practice.passages import Passage, Passages

__all__ = ["problems_of"]

CRITERIA: Final = tuple(item.id for item in FRAMEWORK.items if item.level == "criterion")
_WHOLE: Final = "Check that no page is missing, cut or out of place."


def problems_of(
    where: str, cut: Passages, matched: Matched, known: Sequence[Known]
) -> list[Problem]:
    """List what is wrong with a text, the missing first.

    Parameters
    ----------
    where : str
        The path.
    cut : Passages
        Its text, cut up.
    matched : Matched
        Which passage is which example.
    known : sequence of Known
        What there should be.

    Returns
    -------
    list of Problem
        Empty when every example is there once, whole, in its place.
    """
    return [
        *_missing(cut, matched, known),
        *_inspections(matched, known),
        *_names(matched, known),
        *_lengths(matched, known),
        *_surplus(where, cut, matched),
    ]


def _missing(cut: Passages, matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    for criterion in CRITERIA:
        examples = [k for k in known if k.criterion == criterion]
        gone = [k for k in examples if k.id not in matched.found]
        count = len(examples)
        rule = f"its heading and {count or 'no'} example{'s' if count != 1 else ''}"
        found = [] if criterion in cut.headings else ["no heading"]
        if gone:
            units = ", ".join(dict.fromkeys(k.unit for k in gone))
            found.append(f"{count - len(gone)} of them, missing {_ids(gone, examples)} ({units})")
        if found:
            yield Problem(f"criterion {criterion}", rule, "; ".join(found), _WHOLE)


def _inspections(matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    units = list(dict.fromkeys(sorted(k.unit for k in known)))
    there = {k.unit for k in known if k.id in matched.found}
    if gone := [u for u in units if u not in there]:
        text = f"{len(there)}; none of the examples of {', '.join(gone)}"
        yield Problem("inspections", f"examples from {len(units)}", text, _WHOLE)


def _names(matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    """Say where a run of examples is closed by another name, or by none."""
    wrong = [
        (k, matched.found[k.id].unit)
        for k in known
        if k.id in matched.found and matched.found[k.id].unit != k.unit
    ]
    for (unit, found), group in groupby(wrong, lambda pair: (pair[0].unit, pair[1])):
        ids = ", ".join(k.id for k, _ in group)
        yield Problem(
            ids,
            f"the name of {unit} closes the run",
            found or "no name of an inspection",
            "Check the line above the separator, and that no page after it is missing.",
        )


def _lengths(matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    for k in known:
        if k.id in matched.found:
            passage = matched.found[k.id]
            count = len(words(passage.text))
            # Room for a running head that we do not know, or words parted by a rendering.
            if abs(count - k.words) > max(6, k.words // 12):
                text = f"{count} words from line {passage.line}"
                yield Problem(k.id, f"about {k.words} words ({k.unit})", text, _WHOLE)


def _surplus(where: str, cut: Passages, matched: Matched) -> Iterator[Problem]:
    if matched.repeated:
        text = _places(matched.repeated)
        yield Problem(where, "every example once", f"again {text}", "Remove the repeated pages.")
    if matched.elsewhere:
        rule = "every example under its own criterion"
        hint = "Check that no heading of a criterion is missing, and the order of the pages."
        yield Problem(where, rule, _places(matched.elsewhere), hint)
    if matched.unknown:
        rule = "only examples between separators"
        hint = "Check for separators that are missing, and for pages that are."
        yield Problem(where, rule, f"what is none {_lines(matched.unknown)}", hint)
    if cut.open:
        rule = "a separator below every example"
        yield Problem(where, rule, f"none below what stands {_lines(cut.open)}", _WHOLE)


def _places(found: Iterable[tuple[str, Passage]]) -> str:
    return ", ".join(f"{id} on line {passage.line}" for id, passage in found)


def _lines(found: Iterable[Passage]) -> str:
    lines = [p.line for p in found]
    return f"on line{'s' if len(lines) > 1 else ''} {shown(lines, 12)}"


def _ids(gone: Sequence[Known], examples: Sequence[Known]) -> str:
    """Write ids, of neighbours only the first and the last."""
    place = {k.id: i for i, k in enumerate(examples)}
    runs: list[list[str]] = []
    for k in gone:
        if runs and place[runs[-1][-1]] == place[k.id] - 1:
            runs[-1].append(k.id)
        else:
            runs.append([k.id])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
