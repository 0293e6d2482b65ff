"""What is measured in fresh processes is theirs alone."""

from __future__ import annotations

import numpy as np

from benchmarks.processes import import_times, peak_memory

MB = 1 << 20


def test_peak_memory_counts_what_was_let_go_and_nothing_of_the_parent() -> None:
    ballast = np.ones(300 * MB, np.uint8)
    idle = peak_memory("pass")
    busy = peak_memory(f"block = b'x' * {200 * MB}; del block")
    assert ballast.all()
    assert idle < 100
    # Freed by the time it is read, so a mark of the present would show almost nothing, and the
    # parent's ballast would show 300 more. The interpreter's own share moves with its version
    # and allocator, hence the margin.
    assert 150 < busy - idle < 250


def test_imports_are_timed_apart() -> None:
    found = import_times(rounds=1)
    assert set(found) == {"numpy, pyarrow", "omistats"}
    assert all(wall > 0 and cpu > 0 for wall, cpu in found.values())
