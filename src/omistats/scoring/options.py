"""Check the options that scores and score_tally share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import resolve
from omistats.counting.tally import Tally
from omistats.errors import UsageError, as_tuple, check_choice, format_value
from omistats.model.batches import framework_of
from omistats.model.framework import Framework, check_framework

if TYPE_CHECKING:
    from omistats.scoring.score_tally import ScoreTally

__all__ = [
    "check_complement",
    "check_source",
    "check_tally_options",
    "resolve_breakdowns",
]

_NO_DESIGN = "its sums do not record how each case was drawn; pass the cases"


def check_source(source: Any, framework: Any) -> Framework:
    """Check that scores can be made of a source, and return the framework of its cases.

    Raises
    ------
    UsageError
        When there are no cases, or their framework is missing, is no framework, or is not the one
        of the case set.
    """
    if source is None:
        raise UsageError("scores need cases; found None. Pass a CaseSet, data or a path")
    if isinstance(source, Tally):
        raise UsageError(
            "scores need cases; found a Tally, which does not record which answers are of one "
            "case. Pass the cases that were counted, or score_tally of them"
        )
    if framework is not None:
        check_framework(framework)
    return framework_of(source, framework)


def resolve_breakdowns(breakdowns: Any, framework: Framework) -> tuple[Breakdown, ...]:
    """Resolve breakdowns; None and an empty list are none.

    Raises
    ------
    UsageError, UnknownNameError, DataError
        As `omistats.breakdowns.registry.resolve`.
    """
    if isinstance(breakdowns, Breakdown | type):
        return resolve((breakdowns,), framework)
    given = () if breakdowns is None else breakdowns
    wanted = as_tuple("breakdowns", given, "breakdowns or their names")
    return resolve(wanted, framework) if wanted else ()


def check_complement(complement: Any) -> None:
    """Raise if ``complement`` is neither ``'all'`` nor ``'known'``."""
    check_choice("complement", complement, ("all", "known"))


def check_tally_options(
    tally: ScoreTally,
    *,
    framework: Any,
    breakdowns: Any,
    items: Any,
    rule: Any,
    complement: Any,
    weight: Any,
    stratum: Any,
    cluster: Any,
) -> None:
    """Raise if an option of scores needs the cases, of which a ScoreTally has only sums.

    Raises
    ------
    UsageError
        When an option differs from its default and from what was summed.
    """
    if framework is not None and not (
        isinstance(framework, Framework) and framework == tally.framework
    ):
        raise _misfit("framework", framework, f"it is of {tally.framework.name!r}; leave it out")
    of_tally = "pass it to score_tally, filter the scores by `.{}()`, or pass the cases"
    # An empty list of breakdowns is the default.
    if breakdowns is not None and not (isinstance(breakdowns, tuple | list) and not breakdowns):
        raise _misfit("breakdowns", breakdowns, of_tally.format("breakdown"))
    if items is not None:
        raise _misfit("items", items, of_tally.format("item"))
    if isinstance(rule, str) and rule in ("questions", "cases"):
        raise _misfit("rule", rule, "its sums are of pooled answers; pass the cases")
    if isinstance(complement, str) and complement == "known" != tally.complement:
        raise _misfit("complement", complement, "pass it to score_tally, or pass the cases")
    for name, value in (("weight", weight), ("cluster", cluster)):
        if value is not None:
            raise _misfit(name, value, _NO_DESIGN)
    if not (isinstance(stratum, str) and stratum == "unit"):
        raise _misfit("stratum", stratum, _NO_DESIGN)


def _misfit(name: str, value: Any, why: str) -> UsageError:
    return UsageError(f"`{name}` does not go with a ScoreTally; found {format_value(value)}: {why}")
