"""The figures that the 2011 report counts from its own tables."""

from __future__ import annotations

from typing import Final

import attrs

from omistats.findings import Findings
from omistats.omi2.tables import TABLES
from omistats.publish.points import Kind, Point, count

__all__ = ["MainPoint", "main_points"]

# Table, kind, group, threshold, and the figure in the report's text.
_PRINTED: Final[tuple[tuple[int, Kind, str, int | None, int], ...]] = (
    (3, "reach", "all", 60, 19),
    (3, "reach", "all", 75, 12),
    (3, "alike", "", None, 18),
    (3, "higher", "high", None, 13),
    (4, "reach", "all", 60, 13),
    (4, "reach", "all", 75, 5),
    (4, "higher", "high", None, 12),
    (5, "reach", "all", 60, 9),
    (5, "reach", "all", 75, 4),
    (6, "reach", "all", 60, 10),
    (6, "reach", "all", 75, 8),
    (6, "higher", "high", None, 7),
    (7, "differ", "", None, 30),
    (8, "alike", "", None, 67),
    (8, "differ", "", None, 8),
    (9, "alike", "", None, 68),
    (9, "differ", "", None, 7),
    (10, "alike", "", None, 70),
    (10, "differ", "", None, 5),
    (11, "alike", "", None, 58),
    (11, "differ", "", None, 17),
    (11, "higher", "25+", None, 16),
)


@attrs.frozen
class MainPoint:
    """A counted statement beside the figure that the report prints.

    Attributes
    ----------
    table : int
        The table it was counted from.
    printed : int
        The figure in the report's text.
    point : Point
        The same, computed.

    Examples
    --------
    >>> import omistats as oms
    >>> computed = oms.Point("reach", 19, 31, "19 of 31 aspects reach 60% (all cases)")
    >>> oms.omi2.MainPoint(table=3, printed=19, point=computed).agrees
    True
    """

    table: int
    printed: int
    point: Point

    @property
    def agrees(self) -> bool:
        """Whether the computed figure is the printed one."""
        return self.point.value == self.printed


def main_points(findings: Findings) -> tuple[MainPoint, ...]:
    """Compute the 22 figures that the report counts from Tables 3-11.

    Parameters
    ----------
    findings : Findings
        Of all units together, with the six standard breakdowns.

    Returns
    -------
    tuple of MainPoint
        In the order of the tables.

    Raises
    ------
    UnknownNameError
        When a breakdown or question of the tables is missing.

    Examples
    --------
    >>> import omistats as oms
    >>> points = oms.omi2.main_points(oms.recompute(oms.omi2.load_synthetic()))
    >>> points[0].point.sentence
    '19 of 31 aspects reach 60% (all cases)'
    """
    together = findings.unit("all")
    shown = {
        number: together.breakdown(table.breakdown).question(*table.questions)
        for number, table in TABLES.items()
    }
    return tuple(
        MainPoint(table, printed, count(shown[table], kind, group=group, threshold=threshold))
        for table, kind, group, threshold, printed in _PRINTED
    )
