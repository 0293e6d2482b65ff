"""HM Inspectorate of Probation's second Offender Management Inspection, 2009-12."""

from __future__ import annotations

from omistats.omi2.annex import ANNEX_1, DISABILITY_TYPES
from omistats.omi2.caseload import CASELOAD
from omistats.omi2.cases import load_synthetic
from omistats.omi2.comparisons import comparisons
from omistats.omi2.contradictions import Contradiction, contradictions
from omistats.omi2.demonstration import DEMONSTRATION, PUBLISHED_SCORES, PublishedScore
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.glossary import GLOSSARY, Glossary, Mention, Term
from omistats.omi2.good_practice import load_good_practice, read_good_practice
from omistats.omi2.invented_characteristics import with_invented_characteristics
from omistats.omi2.points import MainPoint, main_points
from omistats.omi2.practice import Practice, practice
from omistats.omi2.published import load_published
from omistats.omi2.reproduction import ComparedCell, Reproduction, reproduce
from omistats.omi2.reread import survivors
from omistats.omi2.simulation import simulate
from omistats.omi2.tables import TABLES, Table
from omistats.omi2.themes import THEMES, Theme
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
