"""The table of scores, its views and its text forms."""

from __future__ import annotations

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.scoring.programme import (
    BREAKDOWNS,
    FRAMEWORK,
    SIZES,
    STRATA,
    WALD,
    case_set,
    feeds,
    read,
)

import omistats as oms
from omistats import UnknownNameError, UsageError

SCORED = ["1", "2", "1.1", "1.2", "2.1", "2.2", "safety", "progress"]
LABEL, NOTE = (pa.dictionary(kind, pa.string()) for kind in (pa.int16(), pa.int8()))


@pytest.fixture(scope="module")
def found() -> oms.Scores:
    return oms.scores(case_set(read()), by="unit", breakdowns=BREAKDOWNS)


def test_columns_are_those_documented(found):
    columns = [
        *("unit", "breakdown", "group", "level", "item", "k", "n"),
        *("percent", "se", "low", "high", "design_effect"),
        *("difference", "difference_low", "difference_high", "statistic", "df", "df2", "p_value"),
        *("stars", "contrast", "method", "interval_method", "rule", "confidence"),
        *("questions", "invented", "provenance", "reason", "reliability"),
        *("cases", "effective_n", "effective_df"),
    ]
    assert found.table.schema.names == columns
    types = {
        **dict.fromkeys(("unit", "breakdown", "group", "level", "item"), LABEL),
        **dict.fromkeys(("k", "n", "cases"), pa.int64()),
        **dict.fromkeys(("questions", "invented"), pa.int16()),
        **dict.fromkeys(
            (
                *("stars", "contrast", "method", "interval_method", "rule", "provenance"),
                *("reason", "reliability"),
            ),
            NOTE,
        ),
    }
    for field in found.table.schema:
        assert field.type == types.get(field.name, pa.float64()), field.name
    for name in found.table.schema.names:
        assert name in (oms.Scores.__doc__ or ""), name


def test_rows_nest_units_then_breakdowns_then_items_then_groups(found):
    groups = {"gender": STRATA["gender"], "plan": STRATA["plan"], "harm": ("high", "all")}
    expected = []
    for unit in (*SIZES, "all"):
        expected += [(unit, None, item, None) for item in SCORED]
        expected += [
            (unit, key, item, group) for key in groups for item in SCORED for group in groups[key]
        ]
    rows = found.table.select(["unit", "breakdown", "item", "group"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == expected
    level = {item.id: item.level for item in FRAMEWORK.items}
    assert found.table["level"].to_pylist() == [level[e[2]] for e in expected]


def test_without_units_only_all_is_scored():
    rows = oms.scores(case_set(read()), items=["2.1", "1"]).table.to_pylist()
    # In the framework's order, whatever order was asked for.
    assert [(r["unit"], r["item"], r["breakdown"], r["contrast"]) for r in rows] == [
        ("all", "1", None, None), ("all", "2.1", None, None),
    ]  # fmt: skip


def test_provenance_is_the_weakest_and_invented_questions_are_counted(found):
    rows = {r["item"]: r for r in found.unit("all").breakdown().table.to_pylist()}
    facts = {i: (r["questions"], r["invented"], r["provenance"]) for i, r in rows.items()}
    assert facts == {
        "1": (6, 0, "inferred"),
        "2": (4, 1, "invented"),
        "1.1": (3, 0, "published"),
        "1.2": (3, 0, "inferred"),
        "2.1": (3, 1, "invented"),
        "2.2": (1, 0, "published"),
        "safety": (4, 0, "published"),
        "progress": (4, 1, "invented"),
    }
    assert {i: f[0] for i, f in facts.items()} == {i: len(feeds(i)) for i in facts}


def test_an_invented_link_of_a_published_question_is_invented_too():
    asked = oms.Question("q", "Q", oms.Link("1.1", "invented"))
    small = attrs.evolve(FRAMEWORK, questions=[asked], strata=(), breakdowns=())
    data = {"case_id": [1, 2], "unit": ["A", "A"], "q": [True, False]}
    rows = oms.scores(data, framework=small).table.to_pylist()
    assert [(r["item"], r["provenance"], r["invented"]) for r in rows] == [
        ("1", "invented", 0), ("1.1", "invented", 0),
    ]  # fmt: skip


def test_every_row_has_the_settings():
    options = {"rule": "cases", "confidence": 0.8, "interval": "logit"}
    rows = oms.scores(case_set(read()), breakdowns=["gender"], **options).table.to_pylist()
    assert {r["rule"] for r in rows} == {"cases"}
    assert {r["confidence"] for r in rows} == {0.8}
    assert {r["interval_method"] for r in rows} == {"logit"}
    methods = {(r["breakdown"], r["method"]) for r in rows}
    assert methods == {(None, None), ("gender", "wald-chi-square")}
    assert {r["df2"] for r in rows} == {None}
    by_design = oms.scores(case_set(read()), breakdowns=["gender"], df="design", **WALD).table
    # F has one degree of freedom, and cases less units.
    df_design = sum(SIZES.values()) - len(SIZES)
    pairs = zip(by_design["df"].to_pylist(), by_design["df2"].to_pylist(), strict=True)
    assert set(pairs) == {(None, None), (1, df_design)}
    assert set(by_design["method"].to_pylist()) == {None, "wald-f"}
    assert set(by_design["interval_method"].to_pylist()) == {"wald-t"}
    # Where the rule does not go with effective answers, Wald's come with t.
    rows = oms.scores(case_set(read()), breakdowns=["gender"], rule="cases").table.to_pylist()
    assert {r["interval_method"] for r in rows} == {"wald-t"}
    assert {(r["method"], r["df2"]) for r in rows} == {(None, None), ("wald-f", df_design)}
    for name in ("cases", "effective_n", "effective_df"):
        assert {r[name] for r in rows} == {None}


def test_by_default_intervals_and_tests_are_on_effective_answers(found):
    rows = found.table.to_pylist()
    several = [r for r in rows if (r["cases"] or 0) > 1]
    assert {r["interval_method"] for r in several} == {"wilson-effective"}
    assert {r["reliability"] for r in rows if r["cases"] == 1} == {"one case only"}
    tests = {"pearson-effective", "yates-effective"}
    assert {r["method"] for r in rows if r["breakdown"] in ("gender", "harm")} - {None} == tests
    # Three groups.
    tests = {"pearson-effective", "haldane-effective"}
    assert {r["method"] for r in rows if r["breakdown"] == "plan"} - {None} == tests
    for row in several:
        assert 0 <= row["low"] <= row["percent"] <= row["high"] <= 100
        assert 1 <= row["effective_n"] <= row["n"]
        assert row["cases"] <= row["n"]


def test_scores_keep_the_metadata_of_the_cases(tmp_path):
    named = {"synthetic": "true", "seed": "7"}
    cases = case_set(read())
    table = pa.table(cases).replace_schema_metadata(named)
    scores = oms.scores(table, framework=FRAMEWORK, by="unit")
    expected = {key.encode(): value.encode() for key, value in named.items()}
    assert scores.table.schema.metadata == expected
    assert scores.item("1").table.schema.metadata == expected
    assert scores.ranges().schema.metadata == expected
    assert pa.table(scores).schema.metadata == expected
    assert scores.to_pandas().attrs == named
    scores.write_parquet(tmp_path / "scores.parquet")
    assert pq.read_table(tmp_path / "scores.parquet").equals(scores.table, check_metadata=True)
    assert repr(scores).startswith("Scores from SYNTHETIC cases: 56 rows")
    assert "SYNTHETIC" in scores._repr_html_()
    assert "SYNTHETIC" not in repr(oms.scores(cases))


def test_frames_hold_the_same_scores(found):
    assert found.to_pandas()["percent"].isna().sum() == found.table["percent"].null_count
    assert found.to_polars().height == len(found) == found.table.num_rows
    assert found.to_polars()["item"].to_list() == found.table["item"].to_pylist()


def test_a_path_is_scored_with_a_framework(tmp_path):
    cases = case_set(read())
    pq.write_table(pa.table(cases), tmp_path / "cases.parquet")
    again = oms.scores(tmp_path / "cases.parquet", framework=FRAMEWORK)
    assert again.table.equals(oms.scores(cases).table)


def test_breakdowns_are_given_by_name_class_or_instance(found):
    class Gender(oms.Breakdown):
        key = "gender"
        groups = ("f", "m")

    cases = case_set(read())
    tables = [
        oms.scores(cases, breakdowns=given).table
        for given in ("gender", ["gender"], [Gender], (Gender() for _ in range(1)))
    ]
    assert all(table.equals(tables[0]) for table in tables)
    assert tables[0].num_rows == len(SCORED) * 3


@pytest.mark.parametrize(
    ("view", "kept"),
    [
        (lambda s: s.unit("isle"), lambda r: r["unit"] == "isle"),
        (lambda s: s.unit("isle", "all"), lambda r: r["unit"] in ("isle", "all")),
        (lambda s: s.item("1.1", "safety"), lambda r: r["item"] in ("1.1", "safety")),
        (lambda s: s.level("headline"), lambda r: r["level"] == "headline"),
        (lambda s: s.breakdown("harm"), lambda r: r["breakdown"] == "harm"),
        (lambda s: s.breakdown(), lambda r: r["breakdown"] is None),
        (
            lambda s: s.breakdown("plan").level("section").unit("west"),
            lambda r: (r["breakdown"], r["level"], r["unit"]) == ("plan", "section", "west"),
        ),
    ],
)
def test_views_keep_rows_as_they_are(found, view, kept):
    rows = [row for row in found.table.to_pylist() if kept(row)]
    assert view(found).table.to_pylist() == rows
    assert rows


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (lambda s: s.unit("isel"), "unknown unit 'isel'; did you mean 'isle'?"),
        (lambda s: s.item("saftey"), "unknown item 'saftey'; did you mean 'safety'?"),
        (lambda s: s.level("criteria"), "unknown level 'criteria'; did you mean 'criterion'?"),
        (lambda s: s.breakdown("gendre"), "unknown breakdown 'gendre'; did you mean 'gender'?"),
        # Nothing feeds it, so it has no score.
        (lambda s: s.item("2.3"), "unknown item '2.3'"),
    ],
)
def test_views_suggest_near_names(found, view, message):
    with pytest.raises(UnknownNameError, match=message.replace("?", r"\?")):
        view(found)


def test_views_need_a_name(found):
    with pytest.raises(UsageError, match="name at least one unit: north, south"):
        found.unit()


def test_ranges_are_over_units_and_leave_out_those_without_a_score(found):
    ranges = {r["item"]: r for r in found.ranges().to_pylist()}
    assert list(ranges) == SCORED
    whole = found.breakdown().table.to_pylist()
    for item, line in ranges.items():
        units = {r["unit"]: r["percent"] for r in whole if r["item"] == item}
        together = units.pop("all")
        percents = {u: p for u, p in units.items() if p is not None}
        assert line["percent"] == together
        assert line["lowest"] == min(percents.values()) == percents[line["lowest_unit"]]
        assert line["highest"] == max(percents.values()) == percents[line["highest_unit"]]
        assert line["low"] < line["percent"] < line["high"]


def test_ranges_have_their_columns_even_where_nothing_applied():
    empty = oms.scores(case_set([]), by="unit").ranges()
    full = oms.scores(case_set(read()), by="unit").ranges()
    assert empty.schema == full.schema
    assert empty["lowest"].null_count == empty.num_rows == len(SCORED)


def test_ranges_need_units():
    with pytest.raises(UsageError, match='by="unit"'):
        oms.scores(case_set(read())).ranges()


def test_text_forms_escape_labels_and_note_invented_questions(found):
    section = found.unit("all").item("2").breakdown()
    row = section.table.to_pylist()[0]
    text, html = repr(section), section._repr_html_()
    assert "2 Doing <b>&</b> keeping (invented questions in it)" in text
    assert "2 Doing &lt;b&gt;&amp;&lt;/b&gt; keeping (invented questions in it)" in html
    assert "<b>" not in html
    for shown in (f"{row['percent']:.1f}", f"{row['low']:.1f}-{row['high']:.1f}", f"{row['n']:,}"):
        assert shown in text
        assert shown in html
    assert "invented" not in repr(found.item("1"))


def test_long_tables_say_how_much_is_left(found):
    assert repr(found).endswith(f"... and {len(found) - 24:,} more rows in .table")
    assert f"<p>... and {len(found) - 24:,} more rows in .table</p>" in found._repr_html_()
    short = found.item("1").breakdown()
    assert "more rows" not in repr(short) + short._repr_html_()


def test_units_and_groups_are_escaped():
    rows = [{**row, "unit": "<script>"} for row in read()]
    columns = ["case_id", "unit", *STRATA, *FRAMEWORK.question_ids]
    data = {name: [row[name] for row in rows] for name in columns}
    html = oms.scores(data, framework=FRAMEWORK, by="unit")._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
