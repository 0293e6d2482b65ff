"""Arrow arrays made of NumPy's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["dictionary", "floats", "null_bits", "primitive", "with_bits"]

Flags = npt.NDArray[np.bool_]


def floats(values: npt.NDArray[np.float64]) -> pa.Array:
    """Build an array of the values, NaN as null, without copying them."""
    return primitive(values, ~np.isnan(values))


def dictionary(
    codes: npt.NDArray[Any], labels: Sequence[str], valid: Flags | None = None
) -> pa.DictionaryArray:
    """Build a dictionary array from NumPy codes; negative codes are null."""
    if valid is None:
        valid = codes >= 0
    names = _names(tuple(labels))
    codes = np.ascontiguousarray(codes)
    # The codes are ours, made from these labels. Under a null anything may stand, but not all
    # who read Arrow files know that.
    if codes.dtype.kind == "i" and not valid.all():
        codes = np.maximum(codes, 0)
    return pa.DictionaryArray.from_buffers(
        _coded(codes.dtype.char), len(codes), [null_bits(valid), pa.py_buffer(codes)], names
    )


@lru_cache(maxsize=16)
def _coded(kind: str) -> pa.DataType:
    return pa.dictionary(pa.from_numpy_dtype(np.dtype(kind)), pa.string())


@lru_cache(maxsize=256)
def _names(labels: tuple[str, ...]) -> pa.Array:
    return pa.array(labels, pa.string())


def primitive(values: npt.NDArray[Any], valid: Flags) -> pa.Array:
    """Build an array of the values without copying them; null where they are not valid."""
    return with_bits(values, null_bits(valid))


def null_bits(valid: Flags) -> pa.Buffer | None:
    """Pack who is valid, None where all are."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def with_bits(values: npt.NDArray[Any], validity: pa.Buffer | None) -> pa.Array:
    """Build an array of the values and of packed validity without copying either."""
    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(values)])
