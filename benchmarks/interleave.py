"""Timing on a machine that is doing other things as well: round by round, medians, ratios.

A slow minute of the machine falls on every contestant of a round alike, and the order
rotates, so that nobody always runs after the same neighbour. Each turn is one untimed call,
which warms caches that the neighbour has cooled, and one timed call, without garbage
collection. Times say little beyond the machine they were taken on; ratios within a run do.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["Timings", "interleave", "machine"]


@attrs.frozen(eq=False)
class Timings:
    """What every contestant took in every round, in seconds.

    Attributes
    ----------
    names : tuple of str
        The contestants.
    wall, cpu : ndarray of float64, shape (contestants, rounds)
        Time on the clock, and processor time of all threads; NaN in rounds that a slow
        contestant sat out.
    """

    names: tuple[str, ...]
    wall: npt.NDArray[np.float64]
    cpu: npt.NDArray[np.float64]

    def median(self, name: str, *, cpu: bool = False) -> float:
        """The median over the rounds, in seconds."""
        times = self.cpu if cpu else self.wall
        return float(np.nanmedian(times[self.names.index(name)]))

    def rounds(self, name: str) -> int:
        """How many rounds a contestant was timed in."""
        return int(np.isfinite(self.wall[self.names.index(name)]).sum())

    def ratio(self, name: str, base: str, *, cpu: bool = False) -> float:
        """How many times the base's median a contestant's median is."""
        return self.median(name, cpu=cpu) / self.median(base, cpu=cpu)

    def spread(self, name: str, base: str) -> tuple[float, float]:
        """The quartiles of the ratios of single rounds."""
        ratios = self.wall[self.names.index(name)] / self.wall[self.names.index(base)]
        low, high = np.nanquantile(ratios, [0.25, 0.75])
        return float(low), float(high)


def interleave(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    slow: Mapping[str, int] | None = None,
) -> Timings:
    """Time contestants by turns; one round goes before, untimed.

    ``slow`` gives the contestants that have fewer rounds than others: theirs are spread over
    the rounds of all, and, as one call takes long enough to warm itself, no untimed call
    goes before.
    """
    slow = slow or {}
    names = tuple(contestants)
    wall = np.full((len(names), rounds), np.nan)
    cpu = np.full((len(names), rounds), np.nan)
    turns = {n: set(np.linspace(0, rounds - 1, m).astype(int).tolist()) for n, m in slow.items()}
    for name, call in contestants.items():
        if name not in slow:
            call()
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            for place in np.roll(np.arange(len(names)), turn).tolist():
                name = names[place]
                if turn not in turns.get(name, (turn,)):
                    continue
                call = contestants[name]
                if name not in slow:
                    call()
                began, used = time.perf_counter(), time.process_time()
                call()
                cpu[place, turn] = time.process_time() - used
                wall[place, turn] = time.perf_counter() - began
            gc.collect()
    finally:
        if was_enabled:
            gc.enable()
    return Timings(names, wall, cpu)


def machine() -> dict[str, str]:
    """Say where and with what the times were taken."""
    packages = ("omistats", "numpy", "pyarrow", "scipy", "pandas", "polars", "duckdb")
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        **{name: _version(name) for name in packages},
    }


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(name: str) -> str:
    # Outside an installation there is no metadata; the module itself still knows.
    try:
        return version(name)
    except ImportError:
        return str(getattr(import_module(name), "__version__", "unknown"))
