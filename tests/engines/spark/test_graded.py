"""Levels, routing and what was not answered are counted alike in Spark and in memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import omistats as oms


@pytest.mark.parametrize("name", ["seizure_clinic", "youth_justice"])
def test_programmes_with_levels(spark, tmp_path, name):
    programme = oms.programmes.load(name)
    cases = programme.load_cases()
    table = pa.table(cases)
    text = {
        column: values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values
        for column, values in zip(table.column_names, table.columns, strict=True)
    }
    path = tmp_path / "cases.parquet"
    pq.write_table(pa.table(text), path)
    source = spark.read.parquet(str(path))
    keys = programme.framework.breakdowns
    splits = [keys[0], tuple(keys[:2])]
    expected = oms.tally(cases, by="unit", breakdowns=splits)
    found = oms.tally(source, framework=programme.framework, by="unit", breakdowns=splits)
    order = [found.units.index(unit) for unit in expected.units]
    for column, counts in expected.arrays().items():
        np.testing.assert_array_equal(found.arrays()[column][order], counts, column)
    mine, theirs = oms.levels(cases), oms.levels(source, framework=programme.framework)
    for column in ("k", "n", "not_answered"):
        assert mine.table[column].equals(theirs.table[column])
