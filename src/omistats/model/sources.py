"""Cases from wherever they are."""

from __future__ import annotations

from typing import Any

from omistats.errors import UsageError
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.reading import read
from omistats.model.streams import is_stream, read_table

__all__ = ["framework_of", "read_cases"]


def framework_of(source: Any, framework: Framework | None) -> Framework:
    """Return what a source is checked against.

    Raises
    ------
    UsageError
        When it is missing or is not the one of the case set.
    """
    if isinstance(source, CaseSet):
        if framework is not None and framework != source.framework:
            raise UsageError(
                f"the cases were checked against {source.framework.name!r}, not "
                f"{framework.name!r}; leave `framework` out or read the data against it"
            )
        return source.framework
    if framework is None:
        raise UsageError(
            f"expected a CaseSet, found {type(source).__name__}, which does not say "
            "what was asked; pass framework=..., or read it with CaseSet.from_data"
        )
    if not isinstance(framework, Framework):
        raise UsageError(f"`framework` is a Framework, found {framework!r}")
    return framework


def read_cases(source: Any, framework: Framework | None, *, check_ids: bool = True) -> CaseSet:
    """Return checked cases, all of them in memory.

    Parameters
    ----------
    source : CaseSet, data frame, record batch reader, data set of pyarrow, or path
        A path is a Parquet or an Arrow IPC file or stream, or a folder of such files.
    framework : Framework or None
        Needed by all but a case set, which has one.
    check_ids : bool
        Whether to refuse ids that stand twice.

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
    framework = framework_of(source, framework)
    if isinstance(source, CaseSet):
        return source
    if is_stream(source):
        source = read_table(source)
    columns, units, metadata = read(source, framework, None, check_ids)
    return CaseSet(framework, units, metadata, columns)
