"""Exports of a comparison of units: frames, files, notebooks."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.scoring.programme import FRAMEWORK, STRATA, case_set
from tests.scoring.units_recount import CASES, FEW, ITEM

import omistats as oms

# Internal: a type, which only methods return.
from omistats.scoring.unit_comparison import UnitComparison

NAMED = {"synthetic": "true", "seed": "2"}


@pytest.fixture(scope="module")
def got() -> UnitComparison:
    cases = pa.table(case_set(CASES["gaps"])).replace_schema_metadata(NAMED)
    scores = oms.scores(cases, framework=FRAMEWORK, by="unit", lonely="null")
    return scores.units(ITEM, threshold=60, order={"east": 1, "isle": 2}, **FEW)


def test_frames_have_the_rows_and_the_mark(got):
    frame = got.to_pandas()
    assert frame.attrs == NAMED
    assert list(frame.columns) == got.to_polars().columns == got.table.schema.names
    assert len(frame) == len(got) == got.to_polars().height == 6
    assert frame["unit"].tolist() == got.to_polars()["unit"].to_list()
    assert frame["se"].isna().sum() == got.to_polars()["se"].null_count() == 2
    assert pa.table(got).equals(got.table, check_metadata=True)


def test_a_file_has_the_same_table(got, tmp_path):
    got.write_parquet(tmp_path / "units.parquet")
    assert pq.read_table(tmp_path / "units.parquet").equals(got.table, check_metadata=True)
    assert got.pairs().schema.metadata == got.table.schema.metadata == {
        key.encode(): value.encode() for key, value in NAMED.items()
    }  # fmt: skip


def test_html_shows_every_unit_and_blanks_for_nulls(got):
    html = got._repr_html_()
    assert html.startswith(f"<p>{got!r}</p><table><tr><th>unit</th><th>percent</th>")
    assert "SYNTHETIC" in html
    assert html.count("<tr>") == 7
    row = got.table.to_pylist()[0]
    assert row["unit"] == "east"
    cells = [
        f"{row['percent']:.1f}",
        f"{row['low']:.1f}-{row['high']:.1f}",
        str(row["n"]),
        f"{row['low_95']:.1f}-{row['high_95']:.1f}",
        f"{row['low_99_8']:.1f}-{row['high_99_8']:.1f}",
        f"{row['beyond']:.1%}" if row["beyond"] else "",
        f"{row['rank']:g}",
        f"{row['rank_low']:.0f}-{row['rank_high']:.0f}",
        f"{row['joint_low']:.0f}-{row['joint_high']:.0f}",
        row["below_threshold"],
        "?" if row["reliability"] not in (None, "ok") else "",
    ]
    assert "<tr><td>east</td>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>" in html
    blank = "<tr><td>isle</td><td></td><td></td><td>0</td>" + "<td></td>" * 8 + "</tr>"
    assert blank in html


def test_units_are_escaped():
    data = {"case_id": range(8), "unit": ["<b>A</b>"] * 4 + ["B"] * 4}
    data |= {q: [True, False] * 4 for q in FRAMEWORK.question_ids}
    data |= {name: [levels[0]] * 8 for name, levels in STRATA.items()}
    html = oms.scores(data, framework=FRAMEWORK, by="unit").units(ITEM, **FEW)._repr_html_()
    assert "<td>&lt;b&gt;A&lt;/b&gt;</td>" in html
    assert "<b>" not in html
