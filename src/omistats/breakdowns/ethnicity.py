"""White beside Black and minority ethnic (BME) groups."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["Ethnicity"]


class Ethnicity(Breakdown):
    """White beside Black and minority ethnic (BME) groups.

    It reads the column ``ethnicity``; a null is unclassified.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Ethnicity().groups
    ('white', 'BME')
    """

    key = "ethnicity"
    groups = ("white", "BME")
