"""What can only be measured in a fresh process: the cost of an import, and peak memory."""

from __future__ import annotations

import statistics
import subprocess
import sys

__all__ = ["import_times", "output_of", "peak_memory"]

_IMPORT = """
import time
began, used = time.perf_counter(), time.process_time()
import {modules}
print(time.perf_counter() - began, time.process_time() - used)
"""

# `ru_maxrss` of a new process begins at the size of the one that started it, so on Linux
# the high-water mark of its own address space is read instead.
_PEAK = """
import sys
{code}
if sys.platform == "linux":
    with open("/proc/self/status", encoding="ascii") as lines:
        kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
else:
    import resource
    unit = 1024 if sys.platform == "darwin" else 1
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
print(kib * 1024 / 1e6, file=sys.stderr)
"""

REPRODUCE = """

# Internal: the command line, without starting a process.
from omistats.cli import main
status = main(["reproduce", "--json"])
if status:
    sys.exit(status)
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=600
    )
    if run.returncode:
        raise RuntimeError(f"the measured process ended with {run.returncode}:\n{run.stderr}")
    return run


def import_times(rounds: int) -> dict[str, tuple[float, float]]:
    """Median wall and processor seconds of imports in fresh processes, by turns.

    The start of the interpreter is not part of them. The first round, which may have to
    compile, is dropped.
    """
    modules = ("numpy, pyarrow", "omistats")
    taken: dict[str, list[tuple[float, ...]]] = {m: [] for m in modules}
    for turn in range(rounds + 1):
        for name in modules if turn % 2 else reversed(modules):
            wall, cpu = map(float, _run(_IMPORT.format(modules=name)).stdout.split())
            if turn:
                taken[name].append((wall, cpu))
    return {
        name: (statistics.median(w for w, _ in times), statistics.median(c for _, c in times))
        for name, times in taken.items()
    }


def peak_memory(code: str = REPRODUCE) -> float:
    """Peak resident memory of a fresh process that runs some code, in MB."""
    return float(_run(_PEAK.format(code=code)).stderr.split()[-1])


def output_of(code: str) -> str:
    """What a fresh process that runs some code prints."""
    return _run(code).stdout
