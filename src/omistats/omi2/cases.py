"""The synthetic cases that stand in for the case file, which is not public."""

from __future__ import annotations

from pathlib import Path

from omistats.model.cases import CaseSet
from omistats.omi2.demonstration import DEMONSTRATION

__all__ = ["load_synthetic"]


def load_synthetic() -> CaseSet:
    """Load 2,213 synthetic cases that recompute to the figures of Tables 3-11.

    Returns
    -------
    CaseSet
        Under `DEMONSTRATION`: besides the published questions they answer invented ones,
        with which their scores are those of `PUBLISHED_SCORES`. Metadata, ids and text form
        say that the cases are synthetic. They are made to fit the printed figures: that
        findings and scores computed from them agree with print checks the arithmetic and
        is no evidence about the report.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.load_synthetic()
    CaseSet: 2,213 SYNTHETIC cases, 15 units, framework 'OMI 2 + invented' (93 questions, 8 strata)
    """
    # Reading Parquet is wanted only here; keep it off the way to `import omistats`.
    import pyarrow.parquet as pq

    path = Path(__file__).parent / "data" / "synthetic_cases.parquet"
    # A file so small is read as fast in one thread, and none is left to outlive a short script.
    table = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False)
    return CaseSet.from_data(table, framework=DEMONSTRATION)
