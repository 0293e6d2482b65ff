"""Findings for every unit, breakdown and question, in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omistats.breakdowns.base import Breakdown
from omistats.errors import UsageError
from omistats.findings import Findings
from omistats.inference import Inference
from omistats.model.framework import Framework
from omistats.tallies import By, Tally, check_by, tally

__all__ = ["recompute"]


def recompute(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = None,
    questions: Iterable[str] | None = None,
    inference: Inference | None = None,
    framework: Framework | None = None,
) -> Findings:
    """Compute percentages, intervals and tests of every question in every breakdown.

    Parameters
    ----------
    source : CaseSet, Tally, data frame, record batch reader, or path
        Case assessments, or counts made of them. All but a case set and a tally need
        ``framework``; a path is a Parquet or an Arrow IPC file, read whole.
    by : {'unit'}, optional
        Give findings for every unit, then for all together; by default only for all
        together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes, or names; the framework's standard ones by default. A tally
        has its own.
    questions : iterable of str, optional
        Question ids; by default every question that is not invented. A tally has its
        own.
    inference : Inference, optional
        Test, interval and confidence; the defaults of `Inference`.
    framework : Framework, optional
        What to check the source against; a case set and a tally carry theirs.

    Returns
    -------
    Findings
        In this order of nesting: units as declared, then ``all``; breakdowns as
        passed; questions as in the framework; groups as declared.

    Raises
    ------
    UsageError
        When arguments do not fit the source.
    UnknownNameError
        When a question, breakdown or method is unknown.
    DataError
        When a breakdown is ill declared or labels cases outside its groups.

    Examples
    --------
    >>> import omistats as oms
    >>> findings = oms.recompute(oms.omi2.load_synthetic())
    >>> findings.table.num_rows
    900
    """
    check_by(by)
    if isinstance(source, Tally):
        if breakdowns is not None or questions is not None:
            raise UsageError(
                "a tally has its breakdowns and questions already; "
                "choose them in tally(cases, breakdowns=..., questions=...)"
            )
        if framework is not None and framework != source.framework:
            raise UsageError(
                f"the tally was made with {source.framework.name!r}, not {framework.name!r}; "
                "leave `framework` out or count again"
            )
        counts = source
    else:
        counts = tally(
            source, by=by, breakdowns=breakdowns, questions=questions, framework=framework
        )
    counts = counts.with_all() if by == "unit" else counts.together()
    return Findings.from_tally(counts, inference or Inference())
