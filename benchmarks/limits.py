"""What the machine can do at best: the least that any way of doing the work would take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import erfc

import omistats as oms
from benchmarks.peers import PAIRS, SUBSET, pearson

__all__ = [
    "Product",
    "bits_copied",
    "copy_rate",
    "machine_limits",
    "product_of",
    "product_rate",
    "raw_read",
]

_MB = 1 << 20


def _best(call: Callable[[], object], turns: int = 5) -> float:
    """A limit is what the machine can do, so here the best of some turns counts."""
    taken = []
    for _ in range(turns):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


def copy_rate(megabytes: int = 256) -> float:
    """Memory read and written by a copy far larger than the caches, in GB/s."""
    source = np.ones(megabytes * _MB // 8)
    target = np.empty_like(source)
    return 2 * source.nbytes / _best(lambda: np.copyto(target, source)) / 1e9


def product_rate(size: int = 1024) -> float:
    """Matrix products in single precision, in GFLOP/s."""
    a = np.ones((size, size), np.float32)
    return 2 * size**3 / _best(lambda: a @ a) / 1e9


def read_rate(megabytes: int = 256) -> float:
    """A file that the system has in its cache, read into one buffer, in GB/s."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "zeros"
        path.write_bytes(bytes(megabytes * _MB))
        return path.stat().st_size / _best(lambda: raw_read(path)) / 1e9


def raw_read(path: Path) -> int:
    """Read a file from end to end, into one buffer that is used again; give its size."""
    size = 0
    buffer = memoryview(bytearray(8 * _MB))
    with path.open("rb", buffering=0) as file:
        while read := file.readinto(buffer):
            size += read
    return size


def bits_copied(cases: int, questions: int = 75) -> Callable[[], None]:
    """Copy as many bits as the answers are: who is sufficient, who applicable."""
    source = np.ones(2 * questions * cases // 64, np.uint64)
    target = np.empty_like(source)
    return lambda: np.copyto(target, source)


def machine_limits() -> dict[str, float]:
    """The rates that the page names."""
    return {
        "copy_gb_s": copy_rate(),
        "product_gflop_s": product_rate(),
        "read_gb_s": read_rate(),
    }


@attrs.frozen(eq=False)
class Product:
    """The least that 36 reports need: a product a unit, and the p-values.

    Attributes
    ----------
    dense : ndarray of float32, shape (cases, 2 * questions)
        Who is sufficient, and who applicable; cases of a unit next to each other.
    members : ndarray of float32, shape (groups, cases)
        Who is in which group.
    starts : ndarray of int64, shape (units + 1,)
        Where each unit's cases begin.
    """

    dense: npt.NDArray[np.float32]
    members: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]

    def counts(self) -> npt.NDArray[np.float64]:
        """Counts of every unit and of all: shape (reports, groups, 2, questions)."""
        bounds = list(pairwise(self.starts.tolist()))
        width = self.dense.shape[1]
        # One unit is all there is; several are added up as well.
        rows = len(bounds) + (len(bounds) > 1)
        out = np.empty((rows, len(self.members), width), np.float32)
        for i, (a, b) in enumerate(bounds):
            np.matmul(self.members[:, a:b], self.dense[a:b], out=out[i])
        if len(bounds) > 1:
            out[-1] = out[:-1].sum(axis=0)
        return out.reshape(*out.shape[:2], 2, -1).astype(np.float64)

    def p_values(self) -> npt.NDArray[np.float64]:
        """P-values of every report: shape (reports, breakdowns, questions)."""
        counts = self.counts()
        one, other = counts[:, 0::2], counts[:, 1::2]
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = pearson(one[:, :, 0], one[:, :, 1], other[:, :, 0], other[:, :, 1])
        return np.asarray(erfc(np.sqrt(statistic / 2)))


def product_of(cases: oms.CaseSet, questions: tuple[str, ...], by: str | None) -> Product:
    """Lay everything out for the product, which is not part of its time.

    The subset stands beside the rest here, so that no subtraction is needed.
    """
    order = np.argsort(cases.unit_codes, kind="stable")
    columns = [cases[q] for q in questions]
    yes = np.stack([_flags(c.fill_null(False)) for c in columns], axis=1)
    asked = np.stack([_flags(c.is_valid()) for c in columns], axis=1)
    members = []
    for breakdown, groups in [*PAIRS.items(), (SUBSET[0], SUBSET[1:])]:
        labels = np.array(cases[breakdown].to_pylist(), object)
        first = labels == groups[0]
        members += [first, ~first if breakdown == SUBSET[0] else labels == groups[1]]
    sizes = np.bincount(cases.unit_codes, minlength=len(cases.units))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Product(
        np.concatenate([yes, asked], axis=1)[order].astype(np.float32),
        np.stack(members)[:, order].astype(np.float32),
        starts if by == "unit" else starts[[0, -1]],
    )


def _flags(array: pa.Array) -> npt.NDArray[Any]:
    return np.asarray(array.to_numpy(zero_copy_only=False))
