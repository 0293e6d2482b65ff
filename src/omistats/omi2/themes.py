"""The words by which examples of good practice are found: what the work in them is about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

__all__ = ["THEMES", "Theme"]


@attrs.frozen
class Theme:
    """What a piece of work is about, as one word of a fixed vocabulary.

    Parameters
    ----------
    id : str
        The word in the column ``themes`` of `load_good_practice`.
    label : str
        A name for people.
    meaning : str
        What falls under it, and what does not.

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
"""The 41 themes of the index of good practice, by id, in the order of the alphabet.

Which themes there are, and what they mean, is ours; the publication has no such vocabulary.
"""
