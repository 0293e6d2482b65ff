"""HM Inspectorate of Probation's second Offender Management Inspection, 2009-12."""

from __future__ import annotations

from omistats.omi2.cases import load_synthetic, with_invented_characteristics
from omistats.omi2.framework import (
    ANNEX_1,
    CASELOAD,
    DEMONSTRATION,
    DISABILITY_TYPES,
    FRAMEWORK,
    PUBLISHED_SCORES,
    PublishedScore,
)
from omistats.omi2.glossary import GLOSSARY, Glossary, Mention, Term
from omistats.omi2.good_practice.index import THEMES, Theme, load_good_practice
from omistats.omi2.good_practice.publication import read_good_practice
from omistats.omi2.good_practice.search import Practice, practice
from omistats.omi2.printed_comparisons import comparisons, survivors
from omistats.omi2.printed_contradictions import Contradiction, contradictions
from omistats.omi2.published import TABLES, Table, load_published
from omistats.omi2.reproduction import ComparedCell, MainPoint, Reproduction, main_points, reproduce
from omistats.omi2.simulation import simulate
from omistats.omi2.units import TRUSTS, UNITS, Inspection, regions, trusts, with_fieldwork

__all__ = [
    "ANNEX_1",
    "CASELOAD",
    "DEMONSTRATION",
    "DISABILITY_TYPES",
    "FRAMEWORK",
    "GLOSSARY",
    "PUBLISHED_SCORES",
    "TABLES",
    "THEMES",
    "TRUSTS",
    "UNITS",
    "ComparedCell",
    "Contradiction",
    "Glossary",
    "Inspection",
    "MainPoint",
    "Mention",
    "Practice",
    "PublishedScore",
    "Reproduction",
    "Table",
    "Term",
    "Theme",
    "comparisons",
    "contradictions",
    "load_good_practice",
    "load_published",
    "load_synthetic",
    "main_points",
    "practice",
    "read_good_practice",
    "regions",
    "reproduce",
    "simulate",
    "survivors",
    "trusts",
    "with_fieldwork",
    "with_invented_characteristics",
]
