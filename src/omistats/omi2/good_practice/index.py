"""Index of the good practice examples, and its themes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs
import pyarrow as pa

__all__ = ["THEMES", "KnownExample", "Theme", "known_examples", "load_good_practice"]


@attrs.frozen
class Theme:
    """A theme of good practice examples, from a fixed vocabulary.

    Parameters
    ----------
    id : str
        The word in the column ``themes`` of `load_good_practice`.
    label : str
        The name to display.
    meaning : str
        What belongs to the theme and what does not.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.THEMES["mentoring"].label
    'Volunteers and mentors'
    """

    id: str
    label: str
    meaning: str


_THEMES: Final = (
    Theme(
        "accommodation",
        "Housing",
        "finding or keeping a home; living in approved premises has its own theme",
    ),
    Theme("alcohol", "Alcohol", "drinking and its treatment"),
    Theme("approved-premises", "Approved premises", "supervised hostels, and placing people there"),
    Theme("children", "Child protection", "keeping children safe, with children's services"),
    Theme(
        "compliance",
        "Compliance and enforcement",
        "keeping appointments and conditions; warnings, breach, recall",
    ),
    Theme("courts", "Courts", "pre-sentence reports, work in court, informing sentencers"),
    Theme("disability", "Physical or sensory disability", "adapting work to a disability of body"),
    Theme("domestic-abuse", "Domestic abuse", "violence and control by or against partners or kin"),
    Theme("drugs", "Drugs", "drug use and its treatment"),
    Theme("employment", "Education, training and employment", "courses, skills for work, jobs"),
    Theme("engagement", "Engagement", "motivation, a working relationship, involving the person"),
    Theme(
        "ethnicity",
        "Ethnicity, faith and language",
        "race, religion, nationality, interpreters, travelling communities",
    ),
    Theme("families", "Families", "parenting, partners, and support by or for relatives"),
    Theme("gangs", "Gangs and weapons", "gang membership, guns, knives, and threats from gangs"),
    Theme("hate", "Hate crime and extremism", "hostility to a group, and extremist views"),
    Theme("health", "Physical health", "care of the body, health trainers, doctors' surgeries"),
    Theme("home-visits", "Home visits", "seeing people where they live"),
    Theme(
        "information",
        "Working between agencies",
        "exchange of information or joint planning, where that is the point",
    ),
    Theme(
        "learning-needs",
        "Learning needs",
        "learning disability or difficulty, literacy, autism, attention deficit",
    ),
    Theme("management", "Management", "oversight, quality assurance, performance, resources"),
    Theme("mappa", "MAPPA", "multi-agency public protection arrangements"),
    Theme("mental-health", "Mental health", "illness or disorder of mind, and its treatment"),
    Theme("mentoring", "Volunteers and mentors", "mentors, peers, circles of support"),
    Theme("money", "Money", "debt, benefits, budgeting, gambling"),
    Theme(
        "monitoring",
        "Restriction and monitoring",
        "curfews, tags, exclusion zones, licence conditions, polygraphs, watch by police",
    ),
    Theme("older-people", "Older people", "work that turns on old age"),
    Theme(
        "planning",
        "Assessment and planning",
        "assessing risk, setting objectives, and tools for either",
    ),
    Theme("prison", "Prisons", "work with a prison, before release or after"),
    Theme("programmes", "Programmes", "accredited and group programmes, preparing and following"),
    Theme(
        "prolific",
        "Prolific offenders",
        "schemes for prolific and priority offenders, integrated management",
    ),
    Theme("restorative", "Restorative justice", "reparation, mediation, giving something back"),
    Theme("rural", "Distance", "rural areas, travel, offices out of reach"),
    Theme("self-harm", "Self-harm and vulnerability", "risk to the person's own life or safety"),
    Theme("sexual-offending", "Sexual offending", "managing or treating sexual offending"),
    Theme("staff", "Staff", "training and deployment of those who do the work"),
    Theme(
        "thinking",
        "Offence-focused work",
        "attitudes, awareness of victims, one-to-one work on offending",
    ),
    Theme("unpaid-work", "Unpaid work", "placements, inductions and hours of unpaid work"),
    Theme("veterans", "Veterans", "people who served in the armed forces"),
    Theme("victims", "Victims", "contact with victims, and their safety"),
    Theme("women", "Women", "services and work for women"),
    Theme("young-adults", "Young adults", "work that turns on youth and maturity"),
)

THEMES: Final[Mapping[str, Theme]] = MappingProxyType({theme.id: theme for theme in _THEMES})
"""The 41 themes of the index of good practice, by id, in alphabetical order.

The themes and their meanings are our own; the publication has no such vocabulary.
"""


_DATA: Final = Path(__file__).parents[1] / "data"

_SCHEMA: Final = pa.schema(
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
class KnownExample:
    """Features by which the text of an example is recognised.

    Parameters
    ----------
    id, criterion, unit : str
        As in the index.
    words : int
        The number of its words.
    fingerprint : bytes
        Similarity hash of its text.
    """

    id: str
    criterion: str
    unit: str
    words: int
    fingerprint: bytes


@cache
def load_good_practice() -> pa.Table:
    """Load the index of the published examples of good practice, without their texts.

    Returns
    -------
    pyarrow.Table
        One row for each example, in the order of the publication:

        - ``id`` (string): criterion and order within it, such as ``2.3-07``;
        - ``criterion`` (dictionary): the general criterion under which it was published;
        - ``unit`` (dictionary): the id of the inspection named at the end of its run of
          examples;
        - ``order`` (int16): its place within the criterion, from 1;
        - ``same_as`` (string): the id of the earlier example that it repeats, otherwise null;
        - ``kind`` (dictionary): ``case`` for work with one person or family, ``practice`` for
          a scheme, service, tool or way of working;
        - ``themes`` (list of strings): one to four ids of `THEMES`, in alphabetical order.

        The metadata of the schema have ``source``, ``coding`` and ``vocabulary``.

    See Also
    --------
    read_good_practice : The same with the texts, if you have the publication.

    Notes
    -----
    Source: HM Inspectorate of Probation, the good practice examples of OMI 2. Kinds and
    themes are our own coding.

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
    return pa.table(columns, _SCHEMA)


@cache
def known_examples() -> tuple[KnownExample, ...]:
    """Load the features by which examples are recognised, in the order of the publication."""
    return tuple(
        KnownExample(
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
