"""What may be asked of `practice`: every option checked, names of units read."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from omistats.errors import DataError, UnknownNameError, UsageError, described, listed
from omistats.model.naming import match_units
from omistats.omi2._unknown import UnknownSpellingError
from omistats.omi2.units import TRUSTS, UNITS
from omistats.scores import Scores

__all__ = ["check_limit", "check_scores", "inspected", "texts_by_id", "words_of"]

_KNOWN = tuple(dict.fromkeys(unit.id for unit in (*UNITS, *TRUSTS)))


def inspected(unit: Any) -> str:
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
            f"`text` is the table of read_good_practice(path), found {described(text)}"
        )
    table = pa.table(text)
    if lost := [name for name in ("id", "text") if name not in table.column_names]:
        raise UsageError(
            f"`text` is the table of read_good_practice(path); this one has no {' and '.join(lost)}"
        )
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def words_of(what: str, given: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """List words that are known; none for None."""
    if given is None:
        return ()
    words = listed(what, given, f"{what} ids, in quotes as {known[0]!r}")
    if unknown := [word for word in words if not isinstance(word, str) or word not in known]:
        raise UnknownNameError(what, unknown, known)
    if not words:
        raise UsageError(f"`{what}` names none; leave it out for any")
    return tuple(dict.fromkeys(words))


def check_limit(limit: Any) -> None:
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise UsageError(f"`limit` is a whole number from 1, found {described(limit)}")


def check_scores(scores: Any, unit: Any, criterion: Any, theme: Any, others: Any) -> None:
    if scores is not None and not isinstance(scores, Scores):
        raise UsageError(
            f"`scores` are Scores, as scores(cases, by='unit'); found {described(scores)}"
        )
    if scores is not None and unit is None and criterion is None and theme is None:
        raise UsageError("say whose weaknesses: name the `unit`, or a `criterion` or `theme`")
    if others is not None and (scores is None or unit is None):
        raise UsageError(
            "`others` make up the rest that a `unit` of `scores` is laid beside; give both"
        )
