"""What the questions feed: sections, general criteria and headline elements.

Numbers and grouping are published, with the purposes of a sentence that criteria and
headline elements stand for; labels and statements are ours. Section 4 judged an area's
leadership, not its cases, and was dropped midway through the programme, so no question of a
case assessment feeds it.
"""

from __future__ import annotations

from typing import Final

from omistats.model.framework import Item

__all__ = ["ITEMS"]

_CONTROL: Final = "control"
_CHANGE: Final = "help and change"
_PUNISH: Final = "punish"


def _section(id: str, label: str, statement: str, *, ended: bool = False) -> Item:
    return Item(id, "section", label, statement=statement, ended=ended)


def _criterion(
    id: str, label: str, statement: str, purpose: str = "", *, ended: bool = False
) -> Item:
    return Item(id, "criterion", label, id.partition(".")[0], statement, purpose, ended)


def _headline(id: str, label: str, statement: str, purpose: str) -> Item:
    return Item(id, "headline", label, statement=statement, purpose=purpose)


ITEMS: Final = (
    _section(
        "1",
        "Assessing and planning",
        "The right things are found out about a person, and a plan follows from them.",
    ),
    _section(
        "2",
        "Delivering interventions",
        "What was planned is done, done well, and fitted to the person.",
    ),
    _section(
        "3",
        "Outcomes reached and kept",
        "The sentence has the effects it was meant to have.",
    ),
    _section(
        "4",
        "Leadership and strategy",
        "The organisation is run so that good work with people is likely.",
        ended=True,
    ),
    _criterion("1.1", "Preparing for sentence", "Courts get reports they can sentence by."),
    _criterion(
        "1.2",
        "Assessing and planning for risk of harm",
        "The harm a person may do is judged well, and plans set out how to contain it.",
    ),
    _criterion(
        "1.3",
        "Assessing and planning for reoffending",
        "The likelihood of more offences is judged well, and plans deal with what drives it.",
    ),
    _criterion(
        "1.4",
        "Planning for engagement",
        "Each person's needs are known early, and plans lower what stands in the way of work.",
    ),
    _criterion("2.1", "Delivering the sentence plan", "The sentence plan is carried out.", _PUNISH),
    _criterion(
        "2.2",
        "Delivering restrictive interventions",
        "Whatever can reasonably be done to contain risk of harm is being done.",
        _CONTROL,
    ),
    _criterion(
        "2.3",
        "Delivering constructive interventions",
        "Work is done on the needs behind a person's offences.",
        _CHANGE,
    ),
    _criterion(
        "2.4",
        "Diversity and engagement in delivery",
        "Differences between people are handled so that everyone can take part.",
    ),
    _criterion(
        "3.1",
        "Sentence served",
        "The person kept to the sentence, or it was enforced.",
        _PUNISH,
    ),
    _criterion(
        "3.2",
        "Risk of harm kept to a minimum",
        "Whatever could reasonably be done to contain risk of harm was done.",
        _CONTROL,
    ),
    _criterion(
        "3.3",
        "Likelihood of reoffending reduced",
        "Signs that the person will offend less can be shown.",
        _CHANGE,
    ),
    _criterion(
        "4.1",
        "Leadership",
        "Leaders help to protect the public and to bring reoffending down.",
        ended=True,
    ),
    _criterion(
        "4.2",
        "Use of resources",
        "People and money go where they protect the public and cut reoffending.",
        ended=True,
    ),
    _criterion(
        "4.3",
        "Workforce",
        "A plan for the workforce equips everyone to do what the service promises.",
        ended=True,
    ),
    _criterion(
        "4.4",
        "Review and evaluation",
        "It is checked what interventions did for public safety and reoffending.",
        ended=True,
    ),
    _criterion(
        "4.5",
        "Accessible services",
        "Services that help offenders and victims are bought in, good, and within reach.",
        ended=True,
    ),
    _headline(
        "risk_of_harm",
        "Risk of harm to others",
        "Work that contains the harm a person may do.",
        _CONTROL,
    ),
    _headline(
        "reoffending",
        "Likelihood of reoffending",
        "Work that makes further offences less likely.",
        _CHANGE,
    ),
    _headline(
        "compliance",
        "Compliance and enforcement",
        "Work that gets the sentence served as ordered.",
        _PUNISH,
    ),
)
"""Sections, criteria and headline elements, in the order of report."""
