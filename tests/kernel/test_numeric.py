"""Products in pieces are those of whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

# Internal: exact products of all shapes; cases give few of them.
from omistats.kernel.numeric import product


@pytest.mark.parametrize("rows", [0, 1, 50, 700])
@pytest.mark.parametrize("draws", [0, 1, 23, 24, 49, 240])
@pytest.mark.parametrize("columns", [0, 1, 75, 600])
def test_products_are_those_of_whole_numbers(rows: int, draws: int, columns: int) -> None:
    rng = np.random.default_rng(rows + draws + columns)
    left, right = rng.integers(0, 9, (rows, draws)), rng.integers(0, 2000, (rows, columns))
    found = product(left.astype(np.float32), right.astype(np.float32))
    assert found.dtype == np.float32
    assert (found == left.T @ right).all()
    # Rows that are a view of others', as the transpose of a transpose is.
    aside = np.repeat(left.astype(np.float32), 2, axis=1)[:, ::2]
    assert (product(aside, right.astype(np.float32)) == left.T @ right).all()
