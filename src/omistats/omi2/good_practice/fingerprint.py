"""Know a text again without keeping it, also where a rendering differs a little."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["distances", "fingerprint", "words"]

_BYTES = 16


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters a-z and digits, in lower case."""
    return re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKC", text).lower())


def fingerprint(text: str) -> bytes:
    """Sum a text up in 128 bits that change little when the text changes little.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bytes
        16 of them: Charikar's similarity hash. Each distinct pair of neighbouring words is
        hashed, and a bit is set where it is set in most of the hashes. The text cannot be
        had back from it.

    Examples
    --------
    >>> fingerprint("one two three").hex() == fingerprint("One two, three.").hex()
    True
    """
    from hashlib import blake2b

    pairs = sorted(set(pairwise(words(text))))
    hashes = b"".join(blake2b(" ".join(p).encode(), digest_size=_BYTES).digest() for p in pairs)
    bits = np.unpackbits(np.frombuffer(hashes, np.uint8).reshape(-1, _BYTES), axis=1)
    return np.packbits(2 * bits.sum(axis=0, dtype=np.int64) > len(pairs)).tobytes()


def distances(ones: Sequence[bytes], others: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """Count the bits in which fingerprints differ: 0 alike, about 64 unrelated.

    Parameters
    ----------
    ones, others : sequence of bytes
        Fingerprints.

    Returns
    -------
    ndarray of int64
        A row for each of ``ones``, a column for each of ``others``.
    """
    a, b = (
        np.frombuffer(b"".join(side), np.uint8).reshape(-1, 1, _BYTES) for side in (ones, others)
    )
    apart: npt.NDArray[np.int64] = np.bitwise_count(a ^ b.transpose(1, 0, 2)).sum(2, np.int64)
    return apart
