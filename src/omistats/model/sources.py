"""Cases from wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework

__all__ = ["read_cases"]

_PARQUET = (".parquet", ".pq")
_IPC = (".arrow", ".feather", ".ipc")


def read_cases(source: Any, framework: Framework | None) -> CaseSet:
    """Return checked cases.

    Parameters
    ----------
    source : CaseSet, data frame, record batch reader, or path
        A path is a Parquet or an Arrow IPC file; all of it is read.
    framework : Framework or None
        Needed by all but a case set, which has one.

    Returns
    -------
    CaseSet

    Raises
    ------
    UsageError
        When the framework is missing or is not the one of the case set.
    DataError
        When the file cannot be read or the data break the rules.
    """
    if isinstance(source, CaseSet):
        if framework is not None and framework != source.framework:
            raise UsageError(
                f"the cases were checked against {source.framework.name!r}, not "
                f"{framework.name!r}; leave `framework` out or read the data against it"
            )
        return source
    if framework is None:
        raise UsageError(
            f"expected a CaseSet, found {type(source).__name__}, which does not say "
            "what was asked; pass framework=..., or read it with CaseSet.from_data"
        )
    if isinstance(source, str | Path):
        source = _read_file(Path(source))
    return CaseSet.from_data(source, framework=framework)


def _read_file(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        if path.suffix in _PARQUET:
            return pq.ParquetFile(path).read()
        if path.suffix in _IPC:
            with pa.memory_map(str(path)) as file:
                return pa.ipc.open_file(file).read_all()
    except (pa.ArrowException, OSError) as error:
        hint = "Check that the file is there and whole."
        raise DataError([Problem(str(path), "a file of cases", str(error), hint)]) from error
    known = ", ".join(_PARQUET + _IPC)
    hint = "Convert the file, or read it and pass the data frame."
    raise DataError([Problem(str(path), f"a file that ends in {known}", path.name, hint)])
