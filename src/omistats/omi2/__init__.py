"""HM Inspectorate of Probation's second Offender Management Inspection, 2009-12."""

from __future__ import annotations

from omistats.omi2.caseload import CASELOAD
from omistats.omi2.cases import load_synthetic
from omistats.omi2.contradictions import Contradiction, contradictions
from omistats.omi2.demonstration import DEMONSTRATION, PUBLISHED_SCORES, PublishedScore
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.points import MainPoint, main_points
from omistats.omi2.published import load_published
from omistats.omi2.reproduction import ComparedCell, Reproduction, reproduce
from omistats.omi2.reread import survivors
from omistats.omi2.simulation import simulate
from omistats.omi2.tables import TABLES, Table

__all__ = [
    "CASELOAD",
    "DEMONSTRATION",
    "FRAMEWORK",
    "PUBLISHED_SCORES",
    "TABLES",
    "ComparedCell",
    "Contradiction",
    "MainPoint",
    "PublishedScore",
    "Reproduction",
    "Table",
    "contradictions",
    "load_published",
    "load_synthetic",
    "main_points",
    "reproduce",
    "simulate",
    "survivors",
]
