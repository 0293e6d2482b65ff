"""A Spark of one's own: two threads of one process, heard by this machine alone."""

from __future__ import annotations

from typing import Any

OPTIONS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
}


def local_session(**more: str) -> Any:
    """Start Spark on this machine, or give the one that runs."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("omistats")
    for name, value in {**OPTIONS, **more}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
