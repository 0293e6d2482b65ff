"""A plan of a sample: how many cases of every cell of a caseload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pyarrow as pa

from omistats.findings import show
from omistats.findings.frames import Exports
from omistats.kernel.ranks import check_whole
from omistats.model.cases import CaseSet
from omistats.model.marks import is_synthetic
from omistats.sampling.cells import Cells
from omistats.sampling.drawing import draw_cases

__all__ = ["SamplePlan"]

_ROWS = 24


@attrs.frozen(eq=False, repr=False)
class SamplePlan(Exports):
    """How many cases of every cell a sample has; `draw` draws it.

    Attributes
    ----------
    table : pyarrow.Table
        A row a cell that has cases, by unit and then by level: ``unit``, a column for each
        characteristic (null where unknown), ``population`` and ``n`` (int64, cases of the
        caseload and of the sample), ``target`` (float64, before rounding), ``fraction`` (``n``
        over ``population``) and ``weight`` (the inverse; null where no case is drawn).
    margins : pyarrow.Table
        A row a level that a unit has: ``unit, characteristic, level`` (null where unknown),
        ``population``, ``n``, ``proportionate`` (float64, what the level has of a sample in
        proportion to the caseload), ``quota`` (int64, null without one), ``rule`` (``kept``;
        ``quota``, of a level that has one; null) and ``gives_way_to``: null where what is kept
        is less than one case from its proportion, else ``least`` or ``at_least``.
    units : pyarrow.Table
        A row a unit: ``unit, population, n, fraction, cells`` and ``design_effect``, by which
        unequal weights widen the variance of a percentage that has nothing to do with the
        cells (Kish).
    caseload : CaseSet
        What the sample is drawn from.
    settings : dict
        The arguments, resolved: ``cells, keep, at_least, least, give_way, size`` (by unit).

    Examples
    --------
    >>> import omistats as oms
    >>> data = {"case_id": range(12), "unit": ["A"] * 12, "sex": ["boy"] * 8 + ["girl"] * 4}
    >>> framework = oms.Framework("caseload", (), [oms.Stratum("sex", ("boy", "girl"))])
    >>> caseload = oms.CaseSet.from_data(data, framework=framework)
    >>> plan = oms.plan_sample(caseload, size=6, at_least={"sex": {"girl": 4}})
    >>> plan
    SamplePlan: 6 of 12 cases, 1 unit, 2 cells of sex
    <BLANKLINE>
    unit  caseload  sample  share  cells  design effect
    A           12       6  50.0%      2           1.50
    >>> plan.draw(seed=1)["weight"].to_pylist()
    [4.0, 4.0, 1.0, 1.0, 1.0, 1.0]
    """

    table: pa.Table
    margins: pa.Table
    units: pa.Table
    caseload: CaseSet
    settings: Mapping[str, Any]
    _cells: Cells

    def draw(self, seed: int) -> CaseSet:
        """Draw the sample.

        Parameters
        ----------
        seed : int
            From 0. The same seed draws the same cases, in whatever order the caseload has
            them.

        Returns
        -------
        CaseSet
            The cases drawn, by unit and then by id, with three more columns:
            ``sampling_stratum`` (the unit and the cell), ``weight`` (cases of the caseload
            that a case stands for) and ``population`` (cases of the cell in the caseload).
            They are what `omistats.recompute` and `omistats.scores` take as ``stratum``,
            ``weight`` and ``population``. The metadata is that of the caseload, and under
            ``sampling`` says how the sample was drawn.

        Raises
        ------
        UsageError
            When the seed is no whole number, or is negative.
        DataError
            When labels of two cells run into each other.

        Notes
        -----
        Within a cell every subset of the size planned is equally likely. Each case of a cell,
        in the order of ids, has a random number, and those with the lowest are drawn: a
        larger plan with the same seed keeps the cases of a smaller one. Numbers are raw
        output of NumPy's PCG64, whose stream does not change between versions. Its seed is
        made of ``seed`` and the SHA-256 digest of the unit and the levels of the cell, so
        that no other unit or cell matters.
        """
        check_whole("seed", seed, 0)
        return draw_cases(
            self.caseload, self._cells, self.table["n"].to_numpy(), int(seed), self.settings
        )

    def __repr__(self) -> str:
        return show.as_text(*self._shown())

    def _repr_html_(self) -> str:
        return show.as_html(*self._shown())

    def _shown(self) -> tuple[str, list[list[str]], str]:
        rows = self.units.to_pylist()
        made_up = "SYNTHETIC " * is_synthetic(self.table.schema.metadata)
        drawn, there = (sum(row[name] for row in rows) for name in ("n", "population"))
        count, declared = len(rows), len(self.caseload.units)
        head = f"SamplePlan: {drawn:,} of {there:,} {made_up}cases, {count} "
        head += f"unit{'s' * (count != 1)}"
        if declared > count:
            head += f" with cases of {declared} declared"
        crossed = " x ".join(self._cells.names) or "no characteristic"
        head += f", {self.table.num_rows:,} cells of {crossed}"
        if self.settings["keep"]:
            head += f"; kept: {', '.join(self.settings['keep'])}"
        lost = [row for row in self.margins.to_pylist() if row["gives_way_to"]]
        tail = [f"... and {count - _ROWS:,} more units in .units"] * (count > _ROWS)
        if lost:
            text = "1 level that is kept is" if len(lost) == 1 else f"{len(lost):,} kept levels are"
            tail.append(f"{text} off proportion; see gives_way_to in .margins")
        lines = [["unit", "caseload", "sample", "share", "cells", "design effect"]]
        lines += [
            [
                row["unit"],
                f"{row['population']:,}",
                f"{row['n']:,}",
                f"{row['fraction']:.1%}",
                f"{row['cells']:,}",
                f"{row['design_effect']:.2f}" if row["design_effect"] is not None else "",
            ]
            for row in rows[:_ROWS]
        ]
        return head, lines, "\n".join(tail)
