"""What cannot be asked of sums over cases, which were made of what was asked then."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from omistats.errors import UsageError, described
from omistats.model.framework import Framework

if TYPE_CHECKING:
    from omistats.scores.tally import ScoreTally

__all__ = ["beside_sums"]


def beside_sums(
    sums: ScoreTally, *, framework: Any, complement: Any, rule: Any, **given: Any
) -> list[Callable[[], object]]:
    """Give the checks of options that need the cases; each refuses what was given.

    Parameters
    ----------
    sums : ScoreTally
    framework, complement, rule : object
        Fine if they are what the sums are of.
    **given : object
        ``breakdowns``, ``items``, ``weight``, ``stratum`` and ``cluster``, fine if left out.
    """
    wrong: list[tuple[str, Any, str]] = []
    if framework is not None and not (
        isinstance(framework, Framework) and framework == sums.framework
    ):
        wrong.append(("framework", framework, f"it is of {sums.framework.name!r}; leave it out"))
    for name in ("breakdowns", "items"):
        value = given[name]
        # No breakdowns are those of the default.
        left_out = name == "breakdowns" and isinstance(value, tuple | list) and not value
        if value is not None and not left_out:
            hint = f"say it to score_tally, filter what comes out by `.{name[:-1]}()`"
            wrong.append((name, value, f"{hint}, or pass the cases"))
    if isinstance(complement, str) and complement == "known" != sums.complement:
        wrong.append(("complement", complement, "say it to score_tally, or pass the cases"))
    if isinstance(rule, str) and rule in ("questions", "cases"):
        wrong.append(("rule", rule, "its sums are of pooled answers; pass the cases"))
    for name, default in (("weight", None), ("stratum", "unit"), ("cluster", None)):
        value = given[name]
        if not (value is None if default is None else isinstance(value, str) and value == default):
            why = "how each case was drawn is not in its sums; pass the cases"
            wrong.append((name, value, why))
    return [partial(_refused, *one) for one in wrong]


def _refused(name: str, value: Any, why: str) -> None:
    raise UsageError(f"`{name}` does not go with a ScoreTally, found {described(value)}: {why}")
