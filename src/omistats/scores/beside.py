"""What cannot be asked of sums over cases, which were made of what was asked then."""

from __future__ import annotations

from collections.abc import Callable
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

    def refused(name: str, value: Any, why: str) -> None:
        raise UsageError(f"`{name}` does not go with a ScoreTally, found {described(value)}: {why}")

    def settled(name: str, value: Any, hint: str) -> Callable[[], None]:
        return lambda: refused(name, value, f"{hint}, or pass the cases")

    checks: list[Callable[[], object]] = []
    if framework is not None and not (
        isinstance(framework, Framework) and framework == sums.framework
    ):
        why = f"it was made for {sums.framework.name!r}; leave it out"
        checks.append(lambda: refused("framework", framework, why))
    left_out = {
        "breakdowns": isinstance(given["breakdowns"], tuple | list) and not given["breakdowns"],
        "items": False,
    }
    for name, empty in left_out.items():
        if given[name] is not None and not empty:
            hint = f"give it to score_tally, or filter what comes out with `.{name[:-1]}()`"
            checks.append(settled(name, given[name], hint))
    if isinstance(complement, str) and complement == "known" != sums.complement:
        checks.append(settled("complement", complement, "give it to score_tally"))
    if isinstance(rule, str) and rule in ("questions", "cases"):
        why = "its sums are of pooled answers; pass the cases"
        checks.append(lambda: refused("rule", rule, why))
    stratum = given["stratum"]
    plain = {"stratum": isinstance(stratum, str) and stratum == "unit"}
    for name in ("weight", "stratum", "cluster"):
        if not plain.get(name, given[name] is None):
            why = "how each case was drawn is not in its sums; pass the cases"
            checks.append(lambda name=name: refused(name, given[name], why))  # type: ignore[misc]
    return checks
