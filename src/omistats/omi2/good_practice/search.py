"""Practice()."""

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
)
from omistats.model.framework import Framework
from omistats.model.metadata import is_synthetic
from omistats.model.units import match_units
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.good_practice.index import THEMES, load_good_practice
from omistats.omi2.units import TRUSTS, UNITS, UnknownSpellingError
from omistats.scoring.options import refuse
from omistats.scoring.result import Scores
from omistats.scoring.weaknesses import Weaknesses

__all__ = [
    "SCHEMA",
    "Practice",
    "Target",
    "Wanted",
    "check_limit",
    "check_scores",
    "criteria_for_item",
    "known_ids",
    "practice",
    "resolve_unit",
    "search",
    "targets_of",
    "texts_by_id",
]


_KNOWN = tuple(dict.fromkeys(unit.id for unit in (*UNITS, *TRUSTS)))


def resolve_unit(unit: Any) -> str:
    """Give the id of an inspection or a Trust, however its name is written.

    Raises
    ------
    UnknownNameError
        When the name is none's, or could be that of several.
    """
    # Inspections first: the Trust that was inspected as two goes by their names too.
    for known in (UNITS, TRUSTS) if isinstance(unit, str) else ():
        try:
            (found,) = match_units([unit], known).ids.to_pylist()
        except DataError:
            continue
        return str(found)
    raise UnknownSpellingError("unit", unit, _KNOWN)


def texts_by_id(text: Any) -> dict[str, str | None]:
    """Read the texts of examples by id."""
    if text is None:
        return {}
    if not hasattr(text, "__arrow_c_stream__"):
        raise UsageError(
            f"`text` is the table of read_good_practice(path), found {format_value(text)}"
        )
    table = pa.table(text)
    if lost := [name for name in ("id", "text") if name not in table.column_names]:
        raise UsageError(
            f"`text` is the table of read_good_practice(path); this one has no {' and '.join(lost)}"
        )
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def known_ids(what: str, given: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """List words that are known; none for None."""
    if given is None:
        return ()
    words = as_tuple(what, given, f"{what} ids, in quotes as {known[0]!r}")
    if unknown := [word for word in words if not isinstance(word, str) or word not in known]:
        raise UnknownNameError(what, unknown, known)
    if not words:
        raise UsageError(f"`{what}` names none; leave it out for any")
    return tuple(dict.fromkeys(words))


def check_limit(limit: Any) -> None:
    """Check that a limit is None or a number of examples."""
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise UsageError(f"`limit` is a whole number from 1, found {format_value(limit)}")


def check_scores(scores: Any, unit: Any, criterion: Any, theme: Any, others: Any) -> None:
    """Check that scores go with the other options."""
    if scores is not None and not isinstance(scores, Scores):
        raise UsageError(
            f"`scores` are Scores, as scores(cases, by='unit'); found {format_value(scores)}"
        )
    if scores is not None and unit is None and criterion is None and theme is None:
        raise UsageError("say whose weaknesses: name the `unit`, or a `criterion` or `theme`")
    if others is not None and (scores is None or unit is None):
        raise UsageError(
            "`others` make up the rest that a `unit` of `scores` is laid beside; give both"
        )


Score = Callable[[str, str], tuple[float | None, str | None]]
"""Gives the score of a unit on a criterion, or why there is none."""


@attrs.frozen
class Target:
    """A criterion that examples are looked for under.

    Attributes
    ----------
    criterion : str
    item : str or None
        What a unit is weak on that the criterion speaks to: itself, or its section or headline.
    difference : float or None
        Of the unit from the rest on that, in percentage points.
    """

    criterion: str
    item: str | None = None
    difference: float | None = None


@attrs.frozen
class Wanted:
    """What is looked for.

    Attributes
    ----------
    targets : sequence of Target or None
        In the order that their examples come in; None for any criterion.
    themes : collection of str
        At least one of them; empty for any.
    kind : str or None
    excluded : collection of str
        Units whose examples are not wanted.
    """

    targets: Sequence[Target] | None
    themes: Collection[str]
    kind: str | None
    excluded: Collection[str]


def search(index: pa.Table, wanted: Wanted, score: Score) -> list[dict[str, Any]]:
    """Find examples and rank them.

    An example that stands under several criteria is found once: under the first target among
    them, or where it stands first. Its themes are all that any of its entries has.

    Returns
    -------
    list of dict
        By place of the target, number of themes that match, score (unknown last), and order of
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
        placed = _placed(entries, wanted.targets)
        if placed is None:
            continue
        place, target, entry = placed
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
        known = (1, 0.0) if value is None else (0, -value)
        found.append(((place, -len(matched), *known, entry["id"]), row))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def _examples(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Put the entries of one example together, the first of them first."""
    first = {row["id"]: row["same_as"] for row in rows}
    examples: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        own = row["id"]
        seen = {own}
        # An entry may repeat one that repeats another.
        while (before := first.get(own)) is not None and before not in seen:
            own = before
            seen.add(own)
        examples.setdefault(own, []).append(row)
    return list(examples.values())


def _placed(
    entries: Sequence[Mapping[str, Any]], targets: Sequence[Target] | None
) -> tuple[int, Target, Mapping[str, Any]] | None:
    """Find the first target that an example stands under, and the entry there."""
    if targets is None:
        return 0, Target(entries[0]["criterion"]), entries[0]
    for place, target in enumerate(targets):
        for entry in entries:
            if entry["criterion"] == target.criterion:
                return place, target, entry
    return None


def targets_of(
    weak: Weaknesses | None, criteria: Sequence[str], notes: list[str]
) -> list[Target] | None:
    """Give the criteria to look under, weakest first; None for any.

    Raises
    ------
    UsageError
        When the weaknesses are of items of another programme.
    """
    if weak is None:
        return [Target(id) for id in dict.fromkeys(criteria)] if criteria else None
    rows = weak.table.to_pylist()
    if strange := [row["item"] for row in rows if row["item"] not in CRITERIA_BY_ITEM]:
        raise UsageError(
            f"examples are of the criteria of {FRAMEWORK.name}, and these scores are of items that "
            f"it does not have: {', '.join(map(repr, strange[:5]))}"
        )
    notes += [
        f"{row['item']} could not be compared: {row['reason']}" for row in rows if row["reason"]
    ]
    if criteria:
        return _named(rows, criteria, notes)
    below = weak.credible().to_pylist()
    if not below:
        notes.append(f"credibly below the rest on no {rows[0]['level']}")
    # A criterion may speak to two weak items; it comes with the weakest.
    found: dict[str, Target] = {}
    for row in below:
        if row["level"] == "headline":
            notes.append(_standing(row["item"], found))
        for id in CRITERIA_BY_ITEM[row["item"]]:
            found.setdefault(id, _target(id, row))
    return list(found.values())


def _named(rows: Sequence[Any], criteria: Sequence[str], notes: list[str]) -> list[Target]:
    targets = []
    for id in dict.fromkeys(criteria):
        row = _spoken_to(id, rows)
        targets.append(_target(id, row))
        if row is None or not row["credible"]:
            notes.append(f"not credibly below the rest on {id}, which was named")
    known = [t for t in targets if t.difference is not None]
    return [
        *sorted(known, key=lambda t: t.difference or 0.0),
        *(t for t in targets if t.difference is None),
    ]


def _spoken_to(criterion: str, rows: Sequence[Any]) -> Any:
    """Find the item that a criterion speaks to: the weakest, or that which it is closest to."""
    speaks = [row for row in rows if criterion in CRITERIA_BY_ITEM[row["item"]]]
    if weak := [row for row in speaks if row["credible"]]:
        return min(weak, key=lambda row: row["difference"])
    return min(speaks, key=lambda row: CRITERIA_BY_ITEM[row["item"]].index(criterion), default=None)


def _target(criterion: str, row: Any) -> Target:
    return Target(criterion) if row is None else Target(criterion, row["item"], row["difference"])


def _standing(headline: str, found: dict[str, Target]) -> str:
    """Say which criteria stand for a weak headline, and which of them came before."""
    ids, feeding = CRITERIA_BY_ITEM[headline], _feeding(FRAMEWORK, headline)
    same = [id for id in ids if _ITEMS[id].purpose == _ITEMS[headline].purpose]
    others = [f"{id} ({feeding[id]})" for id in ids if id not in same]
    said = f"for {headline} stand {_series(same)}, which serve the same purpose"
    if others:
        said += f", and then {_series(others)}, with so many of the questions that feed it"
    if before := [f"{id} comes with {found[id].item}" for id in ids if id in found]:
        said += f"; {_series(before)} already"
    return said


def _series(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _feeding(framework: Framework, headline: str) -> Counter[str]:
    """Count the published questions under each criterion that are published to feed a headline."""
    return Counter(
        question.criterion.item
        for question in framework.questions
        if question.provenance == "published" and question.criterion is not None
        for link in question.headlines
        if link.item == headline and link.provenance == "published"
    )


def criteria_for_item(framework: Framework) -> dict[str, tuple[str, ...]]:
    """Give the criteria that speak to each item, the closest first.

    A criterion speaks to itself; to a section all of its own. To a headline element those of
    the same purpose, and after them the others under which questions that feed it stand, by
    the number of such questions. Counted are published questions whose link to the headline
    is published; the criterion that they stand under is mostly inferred.
    """
    criteria = [item for item in framework.items if item.level == "criterion"]
    found: dict[str, tuple[str, ...]] = {item.id: (item.id,) for item in criteria}
    for item in framework.items:
        if item.level == "section":
            found[item.id] = tuple(c.id for c in criteria if c.parent == item.id)
        elif item.level == "headline":
            feeding = _feeding(framework, item.id)
            same = [c.id for c in criteria if item.purpose and c.purpose == item.purpose]
            # As many questions: in the order of the criteria, which sorting keeps.
            others = [c.id for c in criteria if c.id not in same and feeding[c.id]]
            found[item.id] = (*same, *sorted(others, key=lambda id: -feeding[id]))
    return found


_ITEMS: Final = {item.id: item for item in FRAMEWORK.items}
CRITERIA_BY_ITEM: Final = criteria_for_item(FRAMEWORK)


_LABELS = pa.list_(pa.string())
_WIDTH = 88
_SOURCE = "OMI 2 good practice examples, HM Inspectorate of Probation, 2012"
_SIGN = "difference: percentage points from the rest; negative is below it"
_FIGURES = ("difference", "score")

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
class Practice(TableResult):
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
        shown = self._display()
        parts = [attrs.evolve(shown, footer="").as_text(), *self._texts()]
        return "\n".join([*parts, *(["", shown.footer] if shown.footer else [])])

    def _repr_html_(self) -> str:
        shown = self._display()
        lines = shown.lines
        if "text" in self.table.column_names:
            texts = self.table["text"].to_pylist()
            lines = [
                [*lines[0], "text"],
                *([*a, printable(b or "")] for a, b in zip(lines[1:], texts, strict=True)),
            ]
        return Display(shown.heading.replace("\n", "; "), lines, shown.footer).as_html()

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

    def _display(self) -> Display:
        made_up = ", weaknesses from SYNTHETIC cases" * (
            self.weaknesses is not None and is_synthetic(self.table.schema.metadata)
        )
        rows = self.table.to_pylist()
        count = f"{len(rows)}" if len(rows) == self.found else f"{len(rows)} of {self.found}"
        head = f"Practice: {count} example{'s' * (self.found != 1)}{made_up}"
        if not rows:
            return Display(head, [], self._notes())
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
        left = sum(name not in _FIGURES for name in lines[0])
        return Display(head, lines, self._notes(), labels=left)

    def _notes(self) -> str:
        return "\n".join(f"Note: {printable(note)}." for note in self.notes)


def _others(row: dict[str, Any]) -> str:
    return ", ".join(id for id in row["ids"] if id != row["id"])


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


KINDS = ("case", "practice")
_CRITERIA = tuple(item.id for item in FRAMEWORK.items if item.level == "criterion")
_MADE_UP = "scores of SYNTHETIC cases say nothing of real Trusts"


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
    """Find published examples of good practice: of what you name, or of what a unit is weak on.

    Parameters
    ----------
    scores : Scores, optional
        Scores by unit. With ``unit``, examples are of the criteria that it is credibly below the
        rest on. Scores of real cases also rank examples by how their own units score.
    unit : str, optional
        A unit of the scores or, without scores, an inspection or a Trust of `UNITS` and
        `TRUSTS`, by any name that `omistats.match_units` knows. Its own examples are left out,
        with those of the same Trust.
    criterion : str or iterable of str, optional
        Only examples under these; with ``scores`` and ``unit``, instead of the weak ones.
    theme : str or iterable of str, optional
        Only examples with at least one of these, see `THEMES`; those with more come first.
    kind : {'case', 'practice'}, optional
        Work with one person, or a scheme, service or way of working.
    level : {'criterion', 'section', 'headline'}
        What to look for weaknesses among. For a weak section stand its criteria. For a weak
        headline element stand the criteria of the same purpose and then, by their number, the
        others under which published questions that feed it stand; a note names them. Which
        headline a question feeds is published, which criterion it is under mostly inferred.
    limit : int, optional
        The most examples to give.
    others : iterable of str, optional
        The units to compare with, as for `Scores.weaknesses`.
    confidence : float
        Between 0 and 1, as there.
    adjust : {'holm', 'bonferroni', 'bh', 'none'}
        For the number of items compared, as there.
    text : pyarrow.Table, optional
        The table of `read_good_practice`, to attach the text of each example.

    Returns
    -------
    Practice
        Ranked by criterion (the weakest first, else as named; a criterion that stands for two
        weak items comes once, with the weaker), themes matched, the score of the
        example's own unit on the criterion (highest first, unknown last), and order of
        publication. Empty, with notes that say why, where nothing was found.

    Raises
    ------
    UnknownNameError
        When a unit, criterion, theme, kind or another word is unknown, and nothing else is wrong.
    UsageError
        When options do not fit. Of several bad options all are listed.

    Notes
    -----
    That a unit scores high does not make its examples good, nor was any example chosen for its
    effect: the inspectors published what they thought worth copying. Scores of synthetic cases
    never rank examples, for their units are no Trusts.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.omi2.practice(criterion="2.3", theme="alcohol", limit=3)
    >>> set(found.table["criterion"].to_pylist())
    {'2.3'}
    """
    criteria: list[str] = []
    themes: list[str] = []
    weak: list[Weaknesses] = []
    named: list[str] = []
    checks: list[Callable[[], object]] = [
        lambda: check_scores(scores, unit, criterion, theme, others),
        lambda: criteria.extend(known_ids("criterion", criterion, _CRITERIA)),
        lambda: themes.extend(known_ids("theme", theme, tuple(THEMES))),
        lambda: check_choice("kind", kind, KINDS) if kind is not None else None,
        lambda: check_limit(limit),
        lambda: texts_by_id(text),
    ]
    if isinstance(scores, Scores) and unit is not None:
        asked: dict[str, Any] = {
            "level": level,
            "others": others,
            "confidence": confidence,
            "adjust": adjust,
        }
        checks.append(lambda: weak.append(scores.weaknesses(unit, **asked)))
    elif scores is None and unit is not None:
        checks.append(lambda: named.append(resolve_unit(unit)))
    refuse(*checks)
    notes: list[str] = []
    targets = targets_of(weak[0] if weak else None, criteria, notes)
    index = load_good_practice()
    excluded = _own(named[0] if named else unit, notes)
    wanted = Wanted(targets, themes, kind, excluded)
    found = search(index, wanted, _scoring(scores, notes))
    there = set(index["criterion"].to_pylist())
    under = [] if targets is None else [target.criterion for target in targets]
    empty = [id for id in under if id not in there]
    notes += [f"no example was published under {id}" for id in empty]
    if not found and (targets is None or len(empty) < len(under)):
        notes.append("no example fits everything that was asked for")
    given = found if limit is None else found[:limit]
    if len(given) < len(found):
        more = len(found) - len(given)
        fit = "more example fits" if more == 1 else "more examples fit"
        notes.append(f"{more} {fit}; raise the limit to see more")
    for rank, row in enumerate(given, 1):
        row["rank"] = rank
    table = pa.Table.from_pylist(given, schema=SCHEMA)
    if text is not None:
        table = _with_text(table, texts_by_id(text), notes)
    metadata = scores.table.schema.metadata if scores is not None else None
    return Practice(
        table.replace_schema_metadata(metadata), len(found), weak[0] if weak else None, tuple(notes)
    )


def _own(unit: str | None, notes: list[str]) -> set[str]:
    """Give the inspections whose examples are a unit's own."""
    if unit is None:
        return set()
    trust = next((u.trust for u in UNITS if u.id == unit), unit)
    own = {u.id for u in UNITS if u.trust == trust}
    if not own:
        notes.append(
            f"{unit} is no inspection or Trust of the programme by its id, so that no example was "
            "left out as its own"
        )
    return own


def _scoring(scores: Scores | None, notes: list[str]) -> Score:
    """Say how to find the score of an example's unit."""
    if scores is None:
        return lambda *_: (None, "no scores were given")
    if is_synthetic(scores.table.schema.metadata):
        notes.append(f"examples are not ranked by score: {_MADE_UP}")
        return lambda *_: (None, _MADE_UP)
    whole = scores.table.filter(scores.table["breakdown"].is_null())
    rows = whole.select(["unit", "item", "percent"]).to_pylist()
    percent = {(row["unit"], row["item"]): row["percent"] for row in rows}
    units = {unit for unit, _ in percent}

    trust = {unit.id: unit.trust for unit in UNITS}

    def score(unit: str, criterion: str) -> tuple[float | None, str | None]:
        # Where Trusts are scored, one that was inspected as two has one score.
        known = unit if unit in units else trust.get(unit, unit)
        if known not in units:
            return None, "the unit is not among the scores"
        value = percent.get((known, criterion))
        return value, "the unit has no score on the criterion" if value is None else None

    if not units & {*trust, *trust.values()}:
        notes.append("examples are not ranked by score: no unit of the scores is an inspection")
    return score


def _with_text(table: pa.Table, texts: dict[str, str | None], notes: list[str]) -> pa.Table:
    ids = table["id"].to_pylist()
    if lost := [id for id in ids if texts.get(id) is None]:
        notes.append(f"the publication that was read has no text for {', '.join(lost)}")
    return table.append_column("text", pa.array([texts.get(id) for id in ids], pa.string()))
