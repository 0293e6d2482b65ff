"""The index of good practice: what is known of each example without its text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import attrs
import pyarrow as pa

from omistats.omi2.themes import THEMES

__all__ = ["Known", "known_examples", "load_good_practice"]

_DATA: Final = Path(__file__).parents[1] / "data"

SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("criterion", pa.dictionary(pa.int8(), pa.string())),
        ("unit", pa.dictionary(pa.int16(), pa.string())),
        ("order", pa.int16()),
        ("same_as", pa.string()),
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("themes", pa.list_(pa.string())),
    ],
    metadata={
        "source": "HM Inspectorate of Probation, OMI 2 good practice examples (2009-12). "
        "Facts only; no wording.",
        "coding": "kind and themes: coded twice, independently, by one set of written rules; "
        "disagreements settled by reading again. They are ours, not the Inspectorate's.",
        "vocabulary": " ".join(THEMES),
    },
)


@attrs.frozen
class Known:
    """What tells an example from the others when its text is read.

    Parameters
    ----------
    id, criterion, unit : str
        As in the index.
    words : int
        How many words it has.
    fingerprint : bytes
        Of its text, see `fingerprint`.
    """

    id: str
    criterion: str
    unit: str
    words: int
    fingerprint: bytes


@cache
def load_good_practice() -> pa.Table:
    """Load the index of the published examples of good practice: facts, no text.

    Returns
    -------
    pyarrow.Table
        One row an example, in the order of the publication:

        - ``id`` (string): criterion and order within it, like ``2.3-07``;
        - ``criterion`` (dictionary): the general criterion that it stands under;
        - ``unit`` (dictionary): the id of the inspection whose name closes the run of
          examples that it belongs to;
        - ``order`` (int16): its place within the criterion, from 1;
        - ``same_as`` (string): the id of the earlier example that it repeats, else null;
        - ``kind`` (dictionary): ``case`` if it tells of one person or family, ``practice``
          if of a scheme, service, tool or way of working;
        - ``themes`` (list of strings): one to four ids of `THEMES`, in the order of the
          alphabet.

        The schema's metadata give ``source``, ``coding`` and ``vocabulary``.

    See Also
    --------
    read_good_practice : The same with the text, for those who have the publication.

    Notes
    -----
    Source: HM Inspectorate of Probation, the good practice examples of OMI 2. Kinds and
    themes are our coding of it.

    Examples
    --------
    >>> import omistats as oms
    >>> index = oms.omi2.load_good_practice()
    >>> index.num_rows
    208
    >>> index.slice(0, 1).to_pylist()[0]["unit"]
    'cheshire'
    """
    rows = list(_rows("good_practice.csv"))
    columns: dict[str, list[object]] = {name: [r[name] or None for r in rows] for name in rows[0]}
    columns["order"] = [int(row["order"]) for row in rows]
    columns["themes"] = [row["themes"].split(";") for row in rows]
    return pa.table(columns, SCHEMA)


@cache
def known_examples() -> tuple[Known, ...]:
    """Return what the reader knows each example by, in the order of the publication."""
    return tuple(
        Known(
            row["id"],
            row["criterion"],
            row["unit"],
            int(text["words"]),
            bytes.fromhex(text["fingerprint"]),
        )
        for row, text in zip(
            _rows("good_practice.csv"), _rows("good_practice_fingerprints.csv"), strict=True
        )
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    import csv

    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
