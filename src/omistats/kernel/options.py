"""What functions ask of their options."""

from __future__ import annotations

import numpy as np

from omistats.errors import UsageError

__all__ = ["check_confidence"]


def check_confidence(value: float) -> None:
    """Refuse a confidence outside (0, 1), with a hint where a percentage was given."""
    if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
        raise UsageError(f"confidence is one number between 0 and 1, found {value!r}")
    if not 0 < value < 1:
        hint = f"; did you mean {value / 100:g}?" if 1 < value < 100 else ""
        raise UsageError(f"confidence lies between 0 and 1, found {value!r}{hint}")
