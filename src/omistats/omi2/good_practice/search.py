"""Search the published examples of good practice."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import attrs
import pyarrow as pa

from omistats._result_tables import Display, TableResult, printable
from omistats.errors import (
    DataError,
    UnknownNameError,
    UsageError,
    as_tuple,
    check_choice,
    format_value,
    visible,
)
from omistats.model.framework import Framework
from omistats.model.metadata import is_synthetic
from omistats.model.units import match_units
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.good_practice.index import THEMES, load_good_practice
from omistats.omi2.units import TRUSTS, UNITS, UnknownSpellingError
from omistats.scoring.result import Scores
from omistats.scoring.weaknesses import Weaknesses

__all__ = ["KINDS", "Practice", "Wanted", "criteria_for_item", "practice", "search"]


KINDS: Final = ("case", "practice")

_ITEMS: Final = {item.id: item for item in FRAMEWORK.items}
_CRITERIA: Final = tuple(item.id for item in FRAMEWORK.items if item.level == "criterion")
_UNIT_IDS: Final = tuple(dict.fromkeys(unit.id for unit in (*UNITS, *TRUSTS)))
_SYNTHETIC_SCORES: Final = "scores of SYNTHETIC cases say nothing of real Trusts"


def practice(
    scores: Scores | None = None,
    *,
    unit: str | None = None,
    criterion: str | Iterable[str] | None = None,
    theme: str | Iterable[str] | None = None,
    kind: Literal["case", "practice"] | None = None,
    level: Literal["criterion", "section", "headline"] = "criterion",
    limit: int | None = None,
    others: Iterable[str] | None = None,
    confidence: float = 0.95,
    adjust: Literal["holm", "bonferroni", "bh", "none"] = "holm",
    text: Any = None,
) -> Practice:
    """Find published examples of good practice, by criterion, theme or a unit's weaknesses.

    Parameters
    ----------
    scores : Scores, optional
        Scores by unit. With ``unit``, examples are of the criteria on which the unit is
        credibly below the rest. Scores of real cases also rank examples by the scores of the
        units that they come from.
    unit : str, optional
        A unit of the scores or, without scores, an inspection or a Trust of `UNITS` and
        `TRUSTS`, by any name that `omistats.match_units` knows. Its own examples are left out,
        with those of the same Trust.
    criterion : str or iterable of str, optional
        Only examples under these criteria; with ``scores`` and ``unit``, instead of the weak
        ones.
    theme : str or iterable of str, optional
        Only examples with at least one of these `THEMES`. Examples with more of them come first.
    kind : {'case', 'practice'}, optional
        Work with one person, or a scheme, service or way of working.
    level : {'criterion', 'section', 'headline'}
        The items on which to look for weaknesses. A weak section is replaced by its criteria.
        A weak headline element is replaced by the criteria with the same purpose and then by
        the other criteria of the published questions that feed it, those with most such
        questions first; a note lists them. Which headline a question feeds is published;
        which criterion it belongs to is mostly inferred.
    limit : int, optional
        The maximum number of examples.
    others : iterable of str, optional
        The units to compare with, as in `Scores.weaknesses`.
    confidence : float
        The level of the comparison, between 0 and 1, as in `Scores.weaknesses`.
    adjust : {'holm', 'bonferroni', 'bh', 'none'}
        The adjustment for the number of items compared, as in `Scores.weaknesses`.
    text : pyarrow.Table, optional
        The table of `read_good_practice`, to attach the text of each example.

    Returns
    -------
    Practice
        Ranked by criterion (the weakest first, otherwise as passed; a criterion of two weak
        items comes once, with the weaker item), number of themes matched, the score of the
        example's own unit on the criterion (highest first, unknown last), and order of
        publication. Empty, with notes that give the reason, if nothing was found.

    Raises
    ------
    UnknownNameError
        When a unit, criterion, theme, kind or another word is unknown.
    UsageError
        When an option is out of range or does not go with the others.

    Notes
    -----
    That a unit scores high does not make its examples good. No example was chosen for its
    effect: the inspectors published what they thought worth copying. Scores of synthetic cases
    never rank examples, because their units are not Trusts.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.omi2.practice(criterion="2.3", theme="alcohol", limit=3)
    >>> set(found.table["criterion"].to_pylist())
    {'2.3'}
    """
    _check_scores(scores, unit, criterion, theme, others)
    criteria = _known_ids("criterion", criterion, _CRITERIA)
    themes = _known_ids("theme", theme, tuple(THEMES))
    if kind is not None:
        check_choice("kind", kind, KINDS)
    _check_limit(limit)
    texts = _texts_by_id(text)
    weak = None
    if scores is not None and unit is not None:
        weak = scores.weaknesses(
            unit, level=level, others=others, confidence=confidence, adjust=adjust
        )
    elif unit is not None:
        unit = _resolve_unit(unit)
    notes: list[str] = []
    targets = _targets(weak, criteria, notes)
    index = load_good_practice()
    wanted = Wanted(targets, themes, kind, _own_inspections(unit, notes))
    found = search(index, wanted, _score_lookup(scores, notes))
    published = set(index["criterion"].to_pylist())
    criteria_searched = [] if targets is None else [target.criterion for target in targets]
    without_examples = [id for id in criteria_searched if id not in published]
    notes += [f"no example was published under {id}" for id in without_examples]
    if not found and (targets is None or len(without_examples) < len(criteria_searched)):
        notes.append("no example fits everything that was asked for")
    rows = found if limit is None else found[:limit]
    if len(rows) < len(found):
        more = len(found) - len(rows)
        fit = "more example fits" if more == 1 else "more examples fit"
        notes.append(f"{more} {fit}; raise the limit to see more")
    for rank, row in enumerate(rows, 1):
        row["rank"] = rank
    table = pa.Table.from_pylist(rows, schema=_SCHEMA)
    if text is not None:
        table = _with_text(table, texts, notes)
    metadata = scores.table.schema.metadata if scores is not None else None
    return Practice(table.replace_schema_metadata(metadata), len(found), weak, tuple(notes))


_WIDTH: Final = 88
_SOURCE: Final = "OMI 2 good practice examples, HM Inspectorate of Probation, 2012"
_SIGN: Final = "difference: percentage points from the rest; negative is below it"
_FIGURES: Final = ("difference", "score")

_LABELS: Final = pa.list_(pa.string())
_SCHEMA: Final = pa.schema(
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
"""The columns of the result, without the texts."""


@attrs.frozen(eq=False, repr=False)
class Practice(TableResult):
    """Examples of good practice, best match first.

    Attributes
    ----------
    table : pyarrow.Table
        A row an example: ``rank``; ``id, criterion, unit, kind, order`` of the entry that
        matched, as in `load_good_practice`; ``themes``, and ``matched``, the themes asked for;
        ``ids, criteria`` of all entries of the same example, the earliest first;
        ``item`` on which the unit asked about is weak and its ``difference`` from the rest
        (percentage points; negative is below the rest), null if no weakness was looked for;
        ``score`` of the example's own unit on the criterion (percent), or ``score_reason`` why
        there is none; ``text`` if texts were passed.
    found : int
        How many examples fit, before the limit.
    weaknesses : Weaknesses or None
        The comparison of the unit asked about with the rest.
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
        """Return everything as lists, texts and numbers, for JSON.

        Returns
        -------
        dict
            ``examples`` (a dictionary a row of ``table``), ``found``, ``weaknesses`` (the items
            credibly below the rest, None if none were looked for), ``notes`` and
            ``synthetic`` (whether the scores are of synthetic cases).
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
        display = self._display()
        parts = [attrs.evolve(display, footer="").as_text(), *self._wrapped_texts()]
        return "\n".join([*parts, *(["", *map(visible, display.footer)] if display.footer else [])])

    def _repr_html_(self) -> str:
        display = self._display()
        lines = display.lines
        if "text" in self.table.column_names:
            texts = self.table["text"].to_pylist()
            lines = [
                [*lines[0], "text"],
                *(
                    [*a, " ".join(printable(b or "").split())]
                    for a, b in zip(lines[1:], texts, strict=True)
                ),
            ]
        return Display("; ".join(display.heading), lines, display.footer).as_html()

    def _wrapped_texts(self) -> list[str]:
        if "text" not in self.table.column_names:
            return []
        parts = []
        for row in self.table.select(["id", "unit", "text"]).to_pylist():
            body = "(no text)" if row["text"] is None else printable(row["text"])
            wrapped = textwrap.fill(
                body, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
            )
            parts.append(f"\n{visible(row['id'])} ({visible(row['unit'])})\n{wrapped}")
        return parts

    def _display(self) -> Display:
        synthetic = ", weaknesses from SYNTHETIC cases" * (
            self.weaknesses is not None and is_synthetic(self.table.schema.metadata)
        )
        rows = self.table.to_pylist()
        count = f"{len(rows)}" if len(rows) == self.found else f"{len(rows)} of {self.found}"
        head = [f"Practice: {count} example{'s' * (self.found != 1)}{synthetic}"]
        if not rows:
            return Display(head, [], self._printed_notes())
        head.append(f"From: {_SOURCE}")
        head += [
            f"{id}  {_ITEMS[id].label if id in _ITEMS else ''}".rstrip()
            for id in dict.fromkeys(row["criterion"] for row in rows)
        ]
        columns: list[tuple[str, list[str]]] = [
            ("id", [row["id"] for row in rows]),
            ("unit", [row["unit"] for row in rows]),
            ("kind", [row["kind"] for row in rows]),
            ("themes", [", ".join(row["themes"]) for row in rows]),
            ("also under", [_other_ids(row) for row in rows]),
            ("difference", [_format_number(row["difference"], "+.1f") for row in rows]),
            ("score", [_format_number(row["score"], ".1f") for row in rows]),
        ]
        filled = [(name, cells) for name, cells in columns if any(cells)]
        if any(name == "difference" for name, _ in filled):
            head.append(_SIGN)
        lines = [[name for name, _ in filled]]
        lines += [list(line) for line in zip(*(cells for _, cells in filled), strict=True)]
        labels = sum(name not in _FIGURES for name in lines[0])
        return Display(head, lines, self._printed_notes(), labels=labels)

    def _printed_notes(self) -> list[str]:
        return [f"Note: {note}." for note in self.notes]


def _other_ids(row: dict[str, Any]) -> str:
    return ", ".join(id for id in row["ids"] if id != row["id"])


def _format_number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _check_scores(scores: Any, unit: Any, criterion: Any, theme: Any, others: Any) -> None:
    """Check that scores go with the other options."""
    if scores is not None and not isinstance(scores, Scores):
        raise UsageError(
            f"`scores` must be Scores; found {format_value(scores)}; pass "
            "omistats.scores(cases, by='unit')"
        )
    if scores is not None and unit is None and criterion is None and theme is None:
        raise UsageError(
            "with `scores`, name the `unit` whose weaknesses to look for, or a `criterion` or "
            "`theme`"
        )
    if others is not None and (scores is None or unit is None):
        raise UsageError(
            "`others` are the units that a `unit` of `scores` is compared with; pass both, or "
            "leave `others` out"
        )


def _known_ids(what: str, ids: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """Check ids against the known ones and drop repeated ones; an empty tuple for None."""
    if ids is None:
        return ()
    listed = as_tuple(what, ids, f"{what} ids, in quotes as {known[0]!r}")
    if unknown := [id for id in listed if not isinstance(id, str) or id not in known]:
        raise UnknownNameError(what, unknown, known)
    if not listed:
        raise UsageError(f"`{what}` is an empty list; leave it out for examples of any {what}")
    return tuple(dict.fromkeys(listed))


def _check_limit(limit: Any) -> None:
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise UsageError(
            f"`limit` must be a whole number of at least 1; found {format_value(limit)}; leave it "
            "out to see all examples"
        )


def _texts_by_id(text: Any) -> dict[str, str | None]:
    """Read the texts of examples, by id."""
    if text is None:
        return {}
    if not hasattr(text, "__arrow_c_stream__"):
        raise UsageError(
            f"`text` must be the table of read_good_practice(path); found {format_value(text)}"
        )
    table = pa.table(text)
    if missing := [name for name in ("id", "text") if name not in table.column_names]:
        raise UsageError(
            "`text` must be the table of read_good_practice(path); this table has no "
            f"{' and '.join(missing)}"
        )
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def _resolve_unit(unit: Any) -> str:
    """Find the id of an inspection or a Trust, however its name is written.

    Raises
    ------
    UnknownNameError
        When no unit has the name, or several have.
    """
    # Inspections first: the Trust that was inspected as two has their names as synonyms.
    for known in (UNITS, TRUSTS) if isinstance(unit, str) else ():
        try:
            (found,) = match_units([unit], known).ids.to_pylist()
        except DataError:
            continue
        return str(found)
    raise UnknownSpellingError("unit", unit, _UNIT_IDS)


def _own_inspections(unit: str | None, notes: list[str]) -> set[str]:
    """List the inspections of a unit's Trust; add a note if there are none."""
    if unit is None:
        return set()
    trust = next((u.trust for u in UNITS if u.id == unit), unit)
    inspections = {u.id for u in UNITS if u.trust == trust}
    if not inspections:
        notes.append(
            f"{unit} is not the id of an inspection or a Trust of the programme, so no example "
            "was left out as its own"
        )
    return inspections


def _score_lookup(scores: Scores | None, notes: list[str]) -> ScoreLookup:
    """Return a function that finds the score of an example's unit."""
    if scores is None:
        return lambda *_: (None, "no scores were given")
    if is_synthetic(scores.table.schema.metadata):
        notes.append(f"examples are not ranked by score: {_SYNTHETIC_SCORES}")
        return lambda *_: (None, _SYNTHETIC_SCORES)
    all_cases = scores.table.filter(scores.table["breakdown"].is_null())
    rows = all_cases.select(["unit", "item", "percent"]).to_pylist()
    percent = {(row["unit"], row["item"]): row["percent"] for row in rows}
    units = {unit for unit, _ in percent}

    trust = {unit.id: unit.trust for unit in UNITS}

    def score(unit: str, criterion: str) -> tuple[float | None, str | None]:
        # If the units of the scores are Trusts, one that was inspected as two has one score.
        scored = unit if unit in units else trust.get(unit, unit)
        if scored not in units:
            return None, "the unit is not among the scores"
        value = percent.get((scored, criterion))
        return value, "the unit has no score on the criterion" if value is None else None

    if not units & {*trust, *trust.values()}:
        notes.append("examples are not ranked by score: no unit of the scores is an inspection")
    return score


def _with_text(table: pa.Table, texts: dict[str, str | None], notes: list[str]) -> pa.Table:
    ids = table["id"].to_pylist()
    if missing := [id for id in ids if texts.get(id) is None]:
        notes.append(f"the publication that was read has no text for {', '.join(missing)}")
    return table.append_column("text", pa.array([texts.get(id) for id in ids], pa.string()))


ScoreLookup = Callable[[str, str], tuple[float | None, str | None]]
"""Finds the score of a unit on a criterion, or the reason why there is none."""


@attrs.frozen
class Target:
    """A criterion to look for examples under.

    Attributes
    ----------
    criterion : str
    item : str or None
        The weak item that led to the criterion: the criterion itself, its section, or a
        headline element.
    difference : float or None
        Of the unit from the rest on that item, in percentage points.
    """

    criterion: str
    item: str | None = None
    difference: float | None = None


@attrs.frozen
class Wanted:
    """Conditions that an example must meet.

    Attributes
    ----------
    targets : sequence of Target or None
        In the order in which to list their examples; None for any criterion.
    themes : collection of str
        An example must have at least one of them; empty for any theme.
    kind : str or None
    excluded : collection of str
        Units whose examples are left out.
    """

    targets: Sequence[Target] | None
    themes: Collection[str]
    kind: str | None
    excluded: Collection[str]


def search(index: pa.Table, wanted: Wanted, score: ScoreLookup) -> list[dict[str, Any]]:
    """Find examples and rank them.

    An example that was published under several criteria is found once: under the first target
    among them, or under the earliest criterion without targets. It has the themes of all its
    entries.

    Returns
    -------
    list of dict
        By order of the targets, number of themes that match, score (unknown last), and order of
        publication.
    """
    found = []
    for entries in _examples(index.to_pylist()):
        if any(entry["unit"] in wanted.excluded for entry in entries):
            continue
        if wanted.kind is not None and all(entry["kind"] != wanted.kind for entry in entries):
            continue
        themes = sorted({theme for entry in entries for theme in entry["themes"]})
        matched = [theme for theme in themes if theme in wanted.themes]
        if wanted.themes and not matched:
            continue
        match = _first_target(entries, wanted.targets)
        if match is None:
            continue
        place, target, entry = match
        value, reason = score(entry["unit"], entry["criterion"])
        row = {
            "id": entry["id"],
            "criterion": entry["criterion"],
            "order": entry["order"],
            "ids": [e["id"] for e in entries],
            "criteria": [e["criterion"] for e in entries],
            "unit": entry["unit"],
            "kind": entry["kind"],
            "themes": themes,
            "matched": matched,
            "item": target.item,
            "difference": target.difference,
            "score": value,
            "score_reason": reason,
        }
        by_score = (1, 0.0) if value is None else (0, -value)
        found.append(((place, -len(matched), *by_score, entry["id"]), row))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def _examples(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Group the entries of each example, the earliest first."""
    repeats = {row["id"]: row["same_as"] for row in rows}
    examples: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        first = row["id"]
        seen = {first}
        # An entry may repeat one that repeats another.
        while (earlier := repeats.get(first)) is not None and earlier not in seen:
            first = earlier
            seen.add(first)
        examples.setdefault(first, []).append(row)
    return list(examples.values())


def _first_target(
    entries: Sequence[Mapping[str, Any]], targets: Sequence[Target] | None
) -> tuple[int, Target, Mapping[str, Any]] | None:
    """Find the first target with an entry of the example: its place, itself and the entry."""
    if targets is None:
        return 0, Target(entries[0]["criterion"]), entries[0]
    for place, target in enumerate(targets):
        for entry in entries:
            if entry["criterion"] == target.criterion:
                return place, target, entry
    return None


def _questions_by_criterion(framework: Framework, headline: str) -> Counter[str]:
    """Count by criterion the published questions whose link to a headline is published."""
    return Counter(
        question.criterion.item
        for question in framework.questions
        if question.provenance == "published" and question.criterion is not None
        for link in question.headlines
        if link.item == headline and link.provenance == "published"
    )


def criteria_for_item(framework: Framework) -> dict[str, tuple[str, ...]]:
    """List the criteria to look under for each item, the closest first.

    For a criterion that is the criterion itself; for a section, all its criteria. For a
    headline element they are the criteria with the same purpose, then the other criteria of
    the questions that feed it, those with most such questions first. Only published questions
    with a published link to the headline count; their criterion is mostly inferred.
    """
    criteria = [item for item in framework.items if item.level == "criterion"]
    found: dict[str, tuple[str, ...]] = {item.id: (item.id,) for item in criteria}
    for item in framework.items:
        if item.level == "section":
            found[item.id] = tuple(c.id for c in criteria if c.parent == item.id)
        elif item.level == "headline":
            questions = _questions_by_criterion(framework, item.id)
            same = [c.id for c in criteria if item.purpose and c.purpose == item.purpose]
            # Sorting keeps the order of criteria with equally many questions.
            others = [c.id for c in criteria if c.id not in same and questions[c.id]]
            found[item.id] = (*same, *sorted(others, key=lambda id: -questions[id]))
    return found


_CRITERIA_BY_ITEM: Final = criteria_for_item(FRAMEWORK)


def _targets(
    weak: Weaknesses | None, criteria: Sequence[str], notes: list[str]
) -> list[Target] | None:
    """List the criteria to look under, the weakest first; None for any criterion.

    Raises
    ------
    UsageError
        When the scores are of another programme.
    """
    if weak is None:
        return [Target(id) for id in criteria] if criteria else None
    rows = weak.table.to_pylist()
    if unknown := [row["item"] for row in rows if row["item"] not in _CRITERIA_BY_ITEM]:
        raise UsageError(
            f"`scores` must be of items of {FRAMEWORK.name}, whose criteria the examples are "
            f"under; it does not have {', '.join(map(repr, unknown[:5]))}. Leave `scores` out and "
            "name a `criterion`."
        )
    notes += [
        f"{row['item']} could not be compared: {row['reason']}" for row in rows if row["reason"]
    ]
    if criteria:
        return _named_targets(rows, criteria, notes)
    below = weak.credible().to_pylist()
    if not below:
        notes.append(f"credibly below the rest on no {rows[0]['level']}")
    found: dict[str, Target] = {}
    for row in below:
        if row["level"] == "headline":
            notes.append(_headline_note(row["item"], found))
        # A criterion of two weak items is listed with the weaker, which comes first.
        for id in _CRITERIA_BY_ITEM[row["item"]]:
            found.setdefault(id, _target(id, row))
    return list(found.values())


def _named_targets(rows: Sequence[Any], criteria: Sequence[str], notes: list[str]) -> list[Target]:
    targets = []
    for id in criteria:
        row = _compared_item(id, rows)
        targets.append(_target(id, row))
        if row is None or not row["credible"]:
            notes.append(f"not credibly below the rest on {id}, which was named")
    known = [t for t in targets if t.difference is not None]
    return [
        *sorted(known, key=lambda t: t.difference or 0.0),
        *(t for t in targets if t.difference is None),
    ]


def _compared_item(criterion: str, rows: Sequence[Any]) -> Any:
    """Find the compared item that a criterion is for: the weakest, or else the closest."""
    items = [row for row in rows if criterion in _CRITERIA_BY_ITEM[row["item"]]]
    if weak := [row for row in items if row["credible"]]:
        return min(weak, key=lambda row: row["difference"])
    return min(items, key=lambda row: _CRITERIA_BY_ITEM[row["item"]].index(criterion), default=None)


def _target(criterion: str, row: Any) -> Target:
    return Target(criterion) if row is None else Target(criterion, row["item"], row["difference"])


def _headline_note(headline: str, found: dict[str, Target]) -> str:
    """List the criteria of a weak headline element, and which of them are listed already."""
    ids, questions = _CRITERIA_BY_ITEM[headline], _questions_by_criterion(FRAMEWORK, headline)
    same = [id for id in ids if _ITEMS[id].purpose == _ITEMS[headline].purpose]
    others = [f"{id} ({questions[id]})" for id in ids if id not in same]
    note = f"the criteria for {headline} are {_join(same)}, which serve the same purpose"
    if others:
        note += f", and then {_join(others)}, with the number of questions that feed it"
    if listed := [f"{id} is listed with {found[id].item}" for id in ids if id in found]:
        note += f"; {_join(listed)}"
    return note


def _join(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
