"""What a declared set of groups must be like."""

from __future__ import annotations

from typing import Any, Literal, get_args

from omistats.errors import Problem
from omistats.model.strata import ALL

__all__ = ["Contrast", "group_problems", "text_problems"]

Contrast = Literal["groups", "complement"]


def text_problems(where: str, what: str, values: Any) -> list[Problem]:
    """Say whether something is no tuple of text; a text by itself would fall into letters."""
    if isinstance(values, tuple | list) and all(isinstance(v, str) for v in values):
        return []
    return [Problem(where, f"{what} are a tuple of text", repr(values), "Write a tuple.")]


def group_problems(where: str, groups: Any, contrast: Any) -> list[Problem]:
    """Say what is wrong with groups and their contrast; an empty list when nothing is."""
    if found := text_problems(where, "groups", groups):
        return found
    if contrast not in get_args(Contrast):
        rule, shown = "contrast is 'groups' or 'complement'", repr(contrast)
        return [Problem(where, rule, shown, "Choose one.")]
    if contrast == "complement":
        wrong = len(groups) != 2 or groups[1] != ALL or groups[0] == ALL
        rule = "a complement has the groups (subset, 'all')"
        hint = "Name the subset first and 'all' second."
    else:
        wrong = not groups or len(set(groups)) < len(groups) or ALL in groups
        rule = "groups are distinct, at least one, and none of them 'all'"
        hint = "Rename or remove the offending group; 'all' goes with a complement."
    return [Problem(where, rule, repr(tuple(groups)), hint)] if wrong else []
