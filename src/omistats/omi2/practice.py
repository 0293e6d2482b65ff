"""From weakness to example: published good practice that speaks to a weak score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import pyarrow as pa

from omistats.errors import check_word
from omistats.model.marks import is_synthetic
from omistats.omi2._asked import check_limit, check_scores, inspected, texts_by_id, words_of
from omistats.omi2._examples import Score, Wanted, search
from omistats.omi2._found import SCHEMA, Practice
from omistats.omi2._targets import targets_of
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.good_practice import load_good_practice
from omistats.omi2.themes import THEMES
from omistats.omi2.units import UNITS
from omistats.scores import Scores, Weaknesses
from omistats.scores.options import refuse

__all__ = ["Practice", "practice"]

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
        lambda: criteria.extend(words_of("criterion", criterion, _CRITERIA)),
        lambda: themes.extend(words_of("theme", theme, tuple(THEMES))),
        lambda: check_word("kind", kind, KINDS) if kind is not None else None,
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
        checks.append(lambda: named.append(inspected(unit)))
    refuse(*checks)
    notes: list[str] = []
    targets = targets_of(weak[0] if weak else None, criteria, notes)
    index = load_good_practice()
    left_out = _own(named[0] if named else unit, notes)
    wanted = Wanted(targets, themes, kind, left_out)
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
