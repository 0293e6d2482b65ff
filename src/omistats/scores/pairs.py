"""Every pair of units, as a table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.kernel.pairs import pairs

__all__ = ["pairs_table"]


def pairs_table(table: pa.Table, confidence: float) -> pa.Table:
    """Lay out the pairs of a table of units; see `UnitComparison.pairs`."""

    def column(name: str) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = table[name].fill_null(np.nan).to_numpy()
        return values

    found = pairs(column("percent") / 100, column("se") / 100, confidence=confidence)
    units, reasons = table["unit"].to_pylist(), table["reason"].to_pylist()
    both = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    certain = ~np.isnan(found.p_value)
    numbers = {
        "difference": 100 * found.difference,
        "se": 100 * found.se,
        "low": 100 * found.low,
        "high": 100 * found.high,
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
    }
    sides = zip(both, found.higher.tolist(), certain.tolist(), strict=True)
    higher, reason = [], []
    for (i, j), side, ok in sides:
        higher.append(None if side == 0 else units[i if side > 0 else j])
        # Of the two units, the first that has a reason.
        reason.append(None if ok else reasons[i] or reasons[j])
    return pa.table(
        {
            "unit": pa.array([units[i] for i, _ in both], pa.string()),
            "other": pa.array([units[j] for _, j in both], pa.string()),
            **{name: _arrow.floats(values) for name, values in numbers.items()},
            "higher": pa.array(higher, pa.string()),
            "reason": pa.array(reason, pa.string()),
        }
    ).replace_schema_metadata(table.schema.metadata)
