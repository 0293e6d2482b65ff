"""A Spark job: counts where the cases are, findings here."""

from __future__ import annotations

from typing import Any

import omistats as oms


def national_report(spark: Any, folder: str, framework: oms.Framework) -> oms.Findings:
    """Findings for every unit and all together, of cases in a folder of Parquet files."""
    cases = spark.read.parquet(folder)
    # The cluster counts; a few thousand rows of counts come here.
    counts = oms.tally(cases, framework=framework, by="unit", breakdowns=["gender", "risk_of_harm"])
    # Percentages, intervals, tests and stars are worked out on this machine.
    return oms.recompute(counts, by="unit")
