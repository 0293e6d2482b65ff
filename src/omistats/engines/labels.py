"""Groups of breakdowns as expressions that an engine evaluates."""

from __future__ import annotations

from typing import Any

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.engines.sources import Source
from omistats.errors import Problem, described
from omistats.model.strata import ALL

__all__ = ["IN_GROUP", "LEFT_OUT", "UNKNOWN", "Labels", "find_labels", "flag", "is_text"]

IN_GROUP, UNKNOWN, LEFT_OUT, STRAY = 0, 1, 2, 4
"""What is the matter with a label: nothing, it is null, it is left out, or it is no group's."""


def flag(condition: Any) -> Any:
    """Turn a condition into 0 or 1; where it is null it does not hold."""
    import narwhals as nw

    return condition.fill_null(False).cast(nw.Int64)


def is_text(kind: Any) -> bool:
    """Tell whether a column's values are labels.

    Engines have kinds that narwhals does not know, a column of nothing but null among them; their
    values are seen as text, and refused where they are no labels.
    """
    import narwhals as nw

    return any(kind == text for text in (nw.String, nw.Categorical, nw.Enum, nw.Unknown))


@attrs.frozen(eq=False)
class Labels:
    """A breakdown's labels in an engine.

    Attributes
    ----------
    split : Breakdown
        The breakdown.
    label : narwhals.Expr
        One text a case.
    column : str
        The column it comes from; empty where it is made of something else.
    """

    split: Breakdown
    label: Any
    column: str

    @property
    def groups(self) -> list[str]:
        """The groups that a label can put a case in."""
        return [group for group in self.split.groups if group != ALL]

    @property
    def cells(self) -> int:
        """How many rows the breakdown can make of one unit's cases."""
        left_out = bool(self.split.leave_out) or self.split.contrast == "complement"
        return len(self.groups) + 1 + left_out

    def _left_out(self) -> Any:
        import narwhals as nw

        if self.split.contrast == "complement":
            return flag((self.label != nw.lit(ALL)) & ~self.label.is_in(self.groups))
        return flag(self.label.is_in(list(self.split.leave_out))) if self.split.leave_out else None

    def stray(self) -> Any:
        """Give 1 for a label that is neither a group's nor left out, else 0."""
        import narwhals as nw

        if self.split.contrast == "complement":
            return flag(self.label == nw.lit(ALL))
        return flag(~self.label.is_in([*self.groups, *self.split.leave_out]))

    def keys(self, number: int) -> tuple[Any, Any]:
        """Give the group, null for none, and what is the matter with the label.

        What comes back is bounded by the groups, however many other labels there are.
        """
        import narwhals as nw

        group = nw.when(self.label.is_in(self.groups).fill_null(False)).then(self.label)
        state = self.label.is_null().cast(nw.Int64) * UNKNOWN + self.stray() * STRAY
        if (left_out := self._left_out()) is not None:
            state = state + left_out * LEFT_OUT
        return group.alias(f"group{number}"), state.alias(f"state{number}")


def find_labels(
    source: Source, splits: tuple[Breakdown, ...]
) -> tuple[tuple[Labels, ...], list[Problem]]:
    """Give the labels of every breakdown that an engine can evaluate.

    Returns
    -------
    labels : tuple of Labels
        Of the breakdowns with which nothing is wrong.
    problems : list of Problem
        What is wrong with the others: labels made in Python, a column that is missing or
        holds no text, an expression that the engine refuses.
    """
    each = [_labels(source, split) for split in splits]
    return (
        tuple(labels for labels in each if isinstance(labels, Labels)),
        [problem for problem in each if isinstance(problem, Problem)],
    )


def _labels(source: Source, split: Breakdown) -> Labels | Problem:
    import narwhals as nw

    where, column = f"breakdown {split.key!r}", ""
    hooks = split.hooks()
    expression = split.expression() if "expression" in hooks else None
    if expression is not None:
        kind = _kind(source, where, expression)
        if isinstance(kind, Problem):
            return kind
    elif "classify" in hooks:
        rule = f"{source.engine} counts by a column or by a breakdown's `expression`"
        what = f"{type(split).__name__} labels cases in Python, by `classify`"
        hint = "Write `expression`, or read the cases with CaseSet.from_data and count those."
        return Problem(where, rule, what, hint)
    else:
        column = split.column or split.key
        if column not in source.kinds:
            hint = "Add the column, name another by `column`, or write `expression`."
            what = f"none called {column!r}"
            return Problem(where, f"the table in {source.engine} has its column", what, hint)
        expression, kind = source.column(column), source.kinds[column]
    if not is_text(kind):
        what = f"column {column!r} of type {kind}" if column else f"an expression of type {kind}"
        hint = "Turn the values into the names of groups."
        return Problem(where, f"labels in {source.engine} are text or null", what, hint)
    return Labels(split, expression.cast(nw.String), column)


def _kind(source: Source, where: str, expression: Any) -> Any:
    """Give the kind of an expression's values, or the problem with it; nothing is evaluated."""
    import narwhals as nw

    rule, hint = "`expression` gives one label a case", "Write it with narwhals: nw.col(...)."
    if not isinstance(expression, nw.Expr):
        return Problem(where, rule, described(expression), hint)
    try:
        schema = source.frame.select(expression.alias("label")).collect_schema()
    except Exception as error:  # noqa: BLE001  # whatever the engine has against the expression
        said = f"{source.engine} says {' '.join(str(error).split())[:300]}"
        return Problem(where, rule, said, "Correct the expression.")
    return schema["label"]
