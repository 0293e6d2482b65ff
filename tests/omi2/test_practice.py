"""Search good practice: what is found, in which order, and which notes explain an empty result.

The index here is a small invented one with the schema of the shipped one, so that every expected
order can be read off it. The tests of the command use the shipped one.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import omistats as oms

# Internal: what a terminal may be sent.
from omistats._result_tables import printable
from omistats.omi2 import practice

# Internal: searches of indexes that are not shipped.
from omistats.omi2.good_practice.search import Wanted, criteria_for_item, search

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("criterion", pa.dictionary(pa.int8(), pa.string())),
        ("unit", pa.dictionary(pa.int16(), pa.string())),
        ("order", pa.int16()),
        ("same_as", pa.string()),
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("themes", pa.list_(pa.string())),
    ]
)

ROWS = [
    ("1.1-01", "kent", None, "case", ["courts", "drugs"]),
    ("1.1-02", "norfolk", None, "practice", ["alcohol", "courts"]),
    ("2.2-01", "kent", None, "case", ["alcohol"]),
    ("2.2-02", "suffolk", None, "case", ["mappa"]),
    ("2.3-01", "london", None, "practice", ["alcohol"]),
    ("2.3-02", "kent", "2.2-01", "case", ["alcohol", "drugs"]),
    ("2.3-03", "wales", None, "case", ["alcohol", "drugs"]),
    ("3.2-01", "kent", "2.3-02", "case", ["alcohol"]),
    ("3.2-02", "wales", None, "practice", ["mappa"]),
]


def index(rows: Any = ROWS) -> pa.Table:
    names = SCHEMA.names
    data = [
        (id, id[:3], unit, int(id[4:]), same, kind, themes) for id, unit, same, kind, themes in rows
    ]
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in data], SCHEMA)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(search_module(), "load_good_practice", index)


def search_module() -> Any:
    import sys

    return sys.modules["omistats.omi2.good_practice.search"]


def ids(found: oms.omi2.Practice) -> list[str]:
    return found.table["id"].to_pylist()


UNITS = ("kent", "london", "norfolk", "suffolk", "wales")


def cases(low: dict[str, tuple[str, ...]], units: Any = UNITS, size: int = 40) -> oms.CaseSet:
    """Draw cases of units that are weak on some criteria; nothing marks them as synthetic."""
    draw = random.Random(20110303)
    framework = oms.omi2.FRAMEWORK
    rows = []
    for unit in units:
        for _ in range(size):
            row: dict[str, Any] = {s.name: s.levels[0] for s in framework.strata}
            row.update(case_id=f"c{len(rows)}", unit=unit)
            for q in framework.questions:
                criterion = q.criterion.item if q.criterion else ""
                row[q.id] = draw.random() < (0.3 if criterion in low.get(unit, ()) else 0.8)
            rows.append(row)
    data = {name: [row[name] for row in rows] for name in rows[0]}
    return oms.CaseSet.from_data(data, framework=framework)


def test_by_criterion_and_theme_without_scores():
    assert ids(practice(criterion="2.3")) == ["2.3-01", "2.3-02", "2.3-03"]
    # More themes in common come first, then the order of publication.
    found = practice(theme=["alcohol", "drugs"])
    assert ids(found) == ["2.2-01", "2.3-03", "1.1-01", "1.1-02", "2.3-01"]
    assert found.table["matched"][0].as_py() == ["alcohol", "drugs"]
    # Criteria in the order in which they were named.
    assert ids(practice(criterion=["2.3", "1.1"], theme="drugs")) == ["2.3-02", "2.3-03", "1.1-01"]
    assert ids(practice(criterion="2.3", kind="practice")) == ["2.3-01"]
    assert set(found.table["score_reason"].to_pylist()) == {"no scores were given"}
    assert len(practice()) == 7


def test_an_example_under_several_criteria_comes_once():
    found = practice(criterion=["3.2", "2.3", "2.2"]).table.to_pylist()
    (kent,) = [row for row in found if row["unit"] == "kent"]
    # Under the first criterion asked for, with all criteria of the example.
    assert (kent["id"], kent["criterion"]) == ("3.2-01", "3.2")
    assert kent["ids"] == ["2.2-01", "2.3-02", "3.2-01"]
    assert kent["criteria"] == ["2.2", "2.3", "3.2"]
    # A theme may be coded in one entry only.
    assert kent["themes"] == ["alcohol", "drugs"]
    assert "2.2-01, 2.3-02" in repr(practice(criterion="3.2"))


def test_own_examples_are_left_out_with_those_of_the_same_trust():
    assert "2.2-01" not in ids(practice(unit="kent"))
    for unit in ("norfolk", "suffolk", "norfolk-suffolk"):
        assert {"norfolk", "suffolk"}.isdisjoint(practice(unit=unit).table["unit"].to_pylist())


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("KENT Probation Trust", {"kent"}),
        ("Norfolk Probation Area", {"norfolk", "suffolk"}),
        ("Norfolk & Suffolk", {"norfolk", "suffolk"}),
    ],
)
def test_an_inspection_or_a_trust_goes_by_any_of_its_names(name, own):
    assert set(UNITS) - set(practice(unit=name).table["unit"].to_pylist()) == own


@pytest.mark.parametrize("name", ["Yorkshire", "U01", "", 3])
def test_an_unknown_or_ambiguous_name_raises(name):
    with pytest.raises(oms.UnknownNameError, match="unit"):
        practice(criterion="2.2", unit=name)


def test_a_note_counts_the_examples_beyond_the_limit():
    found = practice(criterion="2.3", limit=2)
    assert (len(found), found.found) == (2, 3)
    assert any("1 more" in note for note in found.notes)
    assert found.table["rank"].to_pylist() == [1, 2]


def test_a_note_names_criteria_without_examples():
    for id in ("4.3", "4.4"):
        found = practice(criterion=id)
        assert (len(found), found.found) == (0, 0)
        assert found.notes == (f"no example was published under {id}",)
        assert found.table.schema.equals(practice(criterion="2.3").table.schema)
    assert practice(criterion="1.1", theme="mappa").notes == (
        "no example fits everything that was asked for",
    )


def test_weakest_criterion_first_and_the_better_unit_first():
    low = {"norfolk": ("2.3", "2.2"), "london": ("2.2",), "kent": ("2.3",)}
    scores = oms.scores(cases(low), by="unit")
    found = practice(scores, unit="norfolk")
    weak = scores.weaknesses("norfolk").credible()
    assert set(weak["item"].to_pylist()) == {"2.2", "2.3"}
    rows = found.table.to_pylist()
    # Norfolk and Suffolk became one Trust.
    assert {row["unit"] for row in rows} == {"kent", "london", "wales"}
    order = [weak["item"].to_pylist().index(row["criterion"]) for row in rows]
    assert order == sorted(order)
    percent = {(r["unit"], r["item"]): r["percent"] for r in scores.breakdown().table.to_pylist()}
    for criterion in ("2.2", "2.3"):
        own = [row for row in rows if row["criterion"] == criterion]
        assert [r["score"] for r in own] == [percent[r["unit"], criterion] for r in own]
        assert [r["score"] for r in own] == sorted((r["score"] for r in own), reverse=True)
    gap = {r["item"]: r["difference"] for r in weak.to_pylist()}
    assert all(row["difference"] == gap[row["item"]] for row in rows)


def test_units_without_a_score_come_last():
    scores = oms.scores(cases({"norfolk": ("2.3",)}, ("norfolk", "wales", "cheshire")), by="unit")
    rows = practice(scores, unit="norfolk").table.to_pylist()
    assert [row["unit"] for row in rows] == ["wales", "london", "kent"]
    assert [row["score"] is None for row in rows] == [False, True, True]
    assert rows[1]["score_reason"] == "the unit is not among the scores"
    elsewhere = oms.scores(cases({"u1": ("2.3",)}, ("u1", "u2", "u3")), by="unit")
    found = practice(elsewhere, unit="u1")
    assert set(found.table["score"].to_pylist()) == {None}
    assert any("no unit of the scores is an inspection" in note for note in found.notes)
    assert any("left out as its own" in note for note in found.notes)


def test_a_trust_that_was_inspected_as_two_ranks_the_examples_of_both():
    units = ("norfolk-suffolk", "wales", "london")
    scores = oms.scores(cases({"london": ("2.2",)}, units), by="unit")
    rows = {row["unit"]: row for row in practice(scores, criterion="2.2").table.to_pylist()}
    expected = {
        row["unit"]: row["percent"] for row in scores.table.to_pylist() if row["item"] == "2.2"
    }
    assert rows["suffolk"]["score"] == expected["norfolk-suffolk"]
    assert rows["kent"]["score"] is None
    alone = oms.scores(cases({}, ("norfolk-suffolk", "a")), by="unit")
    assert not any("is an inspection" in note for note in practice(alone, criterion="2.2").notes)


def test_names_of_units_in_notes_are_shown_without_control_characters():
    scores = oms.scores(cases({"u\x1b[31m1": ("2.3",)}, ("u\x1b[31m1", "u2", "u3")), by="unit")
    found = practice(scores, unit="u\x1b[31m1")
    assert any("\x1b" in note for note in found.notes)
    assert "\x1b" not in repr(found).split("Note:", 1)[1]


def test_an_example_of_two_inspections_is_left_out_for_either():
    # The publication has no such example; an index of another programme may have one.
    rows = [
        ("1.1-01", "kent", None, "case", ["drugs"]),
        ("2.3-01", "london", "1.1-01", "case", ["drugs"]),
    ]
    wanted = Wanted(None, [], None, {"london"})
    assert search(index(rows), wanted, lambda *_: (None, "")) == []


def test_synthetic_scores_never_rank_trusts():
    real = cases({"norfolk": ("2.3",)})
    table = pa.table(real).replace_schema_metadata({b"synthetic": b"true"})
    made_up = oms.CaseSet.from_data(table, framework=oms.omi2.FRAMEWORK)
    scores = oms.scores(made_up, by="unit")
    found = practice(scores, unit="norfolk")
    assert len(found) == 3
    assert set(found.table["score"].to_pylist()) == {None}
    assert all("SYNTHETIC" in why for why in found.table["score_reason"].to_pylist())
    assert any("not ranked by score" in note for note in found.notes)
    assert "SYNTHETIC" in repr(found)
    assert found.table.schema.metadata[b"synthetic"] == b"true"
    assert found.to_dict()["synthetic"] is True
    # The order is that of publication.
    assert ids(found) == ["2.3-01", "2.3-02", "2.3-03"]


def test_without_weaknesses_no_example_is_found():
    found = practice(oms.scores(cases({}), by="unit"), unit="wales", confidence=0.9999)
    assert len(found) == 0
    assert any("credibly below the rest on no criterion" in note for note in found.notes)


def test_a_named_criterion_is_searched_even_if_not_weak():
    found = practice(
        oms.scores(cases({"kent": ("1.1",)}), by="unit"), unit="kent", criterion=["2.3"]
    )
    assert {row["criterion"] for row in found.table.to_pylist()} == {"2.3"}
    assert any(note.startswith("not credibly below") for note in found.notes)
    assert found.table["difference"][0].as_py() is not None


def test_headlines_and_sections_are_replaced_by_their_criteria():
    scores = oms.scores(cases({"london": ("2.2", "3.2")}), by="unit")
    found = practice(scores, unit="london", level="headline").table.to_pylist()
    # Two criteria have the purpose of containing harm.
    assert {row["criterion"] for row in found} == {"2.2", "3.2"}
    assert {row["item"] for row in found} == {"risk_of_harm"}
    found = practice(scores, unit="london", level="section").table.to_pylist()
    assert {row["item"] for row in found} <= {"2", "3"}
    assert {row["criterion"] for row in found} <= {"2.2", "2.3", "3.2"}


def test_criteria_of_a_headline_against_links_counted_one_by_one():
    """By hand from Tables 1-11: 8 and 2 of the questions on harm are under 1.2 and 2.1."""
    found = criteria_for_item(oms.omi2.FRAMEWORK)
    assert found["risk_of_harm"] == ("2.2", "3.2", "1.2", "2.1")
    assert found["2.3"] == ("2.3",)
    assert found["2"] == ("2.1", "2.2", "2.3", "2.4")
    items = {item.id: item for item in oms.omi2.FRAMEWORK.items}
    for headline in ("risk_of_harm", "reoffending", "compliance"):
        under = [
            q.criterion.item
            for q in oms.omi2.FRAMEWORK.questions
            if q.criterion and headline in {link.item for link in q.headlines}
        ]
        ids = found[headline]
        same = [items[id].purpose == items[headline].purpose for id in ids]
        assert same == sorted(same, reverse=True)
        assert sum(same) == 2
        assert len(set(ids)) == len(ids)
        assert set(under) <= set(ids)
        counts = [under.count(id) for id in ids[2:]]
        assert counts == sorted(counts, reverse=True)
        assert min(counts) > 0


def test_only_published_questions_and_links_lead_from_a_headline_to_criteria():
    def question(id: str, criterion: str, link: Any = "published", own: Any = "published") -> Any:
        feeds = [oms.Link("safety", link)]
        return oms.Question(
            id, id, criterion=oms.Link(criterion, "inferred"), headlines=feeds, provenance=own
        )

    framework = oms.Framework(
        "made up",
        [
            question("a", "1.1"),
            question("b", "1.2", "inferred"),
            question("c", "1.3", own="invented"),
            question("d", "1.4"),
            question("e", "1.5"),
            question("f", "1.5"),
        ],
        items=[
            *(oms.Item(f"1.{i}", "criterion", "x", purpose="care" * (i == 6)) for i in range(1, 7)),
            oms.Item("safety", "headline", "Safety", purpose="care"),
            oms.Item("other", "headline", "Other"),
        ],
    )
    # The same purpose first, then by number of questions, ties in the order of the criteria.
    # A headline without a purpose matches no criterion by purpose.
    assert criteria_for_item(framework)["safety"] == ("1.6", "1.5", "1.1", "1.4")
    assert criteria_for_item(framework)["other"] == ()


def test_a_note_lists_the_criteria_of_a_weak_headline_and_none_is_listed_twice(monkeypatch):
    rows = [(f"{id}-01", "wales", None, "case", ["mappa"]) for id in ("1.2", "1.4", "2.1", "2.2")]
    rows += [(f"{id}-01", "wales", None, "case", ["mappa"]) for id in ("2.4", "3.1", "3.2")]
    monkeypatch.setattr(search_module(), "load_good_practice", lambda: index(rows))
    scores = oms.scores(cases({"kent": ("1.4", "2.1", "2.4", "3.1", "1.2")}), by="unit")
    found = practice(scores, unit="kent", level="headline")
    weak = scores.weaknesses("kent", level="headline").credible()["item"].to_pylist()
    assert weak == ["compliance", "risk_of_harm", "reoffending"]
    assert [(row["item"], row["criterion"]) for row in found.table.to_pylist()] == [
        *(("compliance", id) for id in ("2.1", "3.1", "1.4", "2.4", "2.2")),
        *(("risk_of_harm", id) for id in ("3.2", "1.2")),
    ]
    first, second, third = (note for note in found.notes if "same purpose" in note)
    assert "compliance are 2.1 and 3.1" in first
    assert "1.4 (4), 2.4 (3) and 2.2 (1)" in first
    assert "listed with" not in first
    assert "risk_of_harm are 2.2 and 3.2" in second
    assert "1.2 (8) and 2.1 (2)" in second
    assert second.endswith("2.2 is listed with compliance and 2.1 is listed with compliance")
    assert "reoffending are 2.3 and 3.3" in third


def test_a_named_criterion_goes_with_the_weakest_headline_or_the_closest():
    low = {"kent": ("1.4", "2.1", "2.4", "3.1")}
    scores = oms.scores(cases(low), by="unit")
    assert scores.weaknesses("kent", level="headline").credible()["item"][0].as_py() == "compliance"
    # 2.2 is a criterion of all three headlines, and the last of compliance.
    found = practice(scores, unit="kent", level="headline", criterion="2.2")
    assert set(found.table["item"].to_pylist()) == {"compliance"}
    assert not any("2.2, which was named" in note for note in found.notes)
    found = practice(scores, unit="wales", level="headline", criterion="2.2")
    assert set(found.table["item"].to_pylist()) == {"risk_of_harm"}
    assert "not credibly below the rest on 2.2, which was named" in found.notes


def test_the_publication_and_the_labels_of_criteria_are_named_once():
    shown = repr(practice(criterion=["2.3", "1.1"]))
    for part in ("OMI 2 good practice examples", "2.3  Delivering constructive interventions"):
        assert shown.count(part) == 1
    assert "1.1  Preparing for sentence" in shown
    assert "2.2  " not in shown
    assert "Preparing for sentence" in practice(criterion="1.1")._repr_html_()
    assert "OMI 2" not in repr(practice(criterion="4.3"))


def test_columns_that_no_example_fills_are_not_shown():
    shown = repr(practice(criterion="2.3", unit="kent"))
    for name in ("difference", "score", "also under"):
        assert name not in shown
    assert "also under" in repr(practice(criterion="2.3"))


def test_the_text_explains_the_sign_of_a_difference():
    scores = oms.scores(cases({"norfolk": ("2.3",)}), by="unit")
    for unit, sign in (("norfolk", "-"), ("wales", "+")):
        found = practice(scores, unit=unit, criterion="2.3")
        (gap,) = set(found.table["difference"].to_pylist())
        assert f"{gap:+.1f}"[0] == sign
        shown = repr(found)
        assert shown.count(f" {gap:+.1f} ") == len(found)
        assert "percentage points from the rest; negative is below it" in shown
        assert "score" in shown


def test_a_note_names_items_that_could_not_be_compared():
    made = cases({"kent": ("2.3",)}, ("kent", "wales"), 20)
    one = pa.table(made).to_pylist()
    one = one[:20] + one[20:21]
    data = {name: [row[name] for row in one] for name in one[0]}
    made = oms.CaseSet.from_data(data, framework=oms.omi2.FRAMEWORK)
    found = practice(oms.scores(made, by="unit", lonely="null"), unit="kent")
    assert len(found) == 0
    assert any("could not be compared: one case only" in note for note in found.notes)
    scores = oms.scores(made, by="unit", lonely="null", interval="wald", test="wald")
    found = practice(scores, unit="kent")
    assert len(found) == 0
    assert any("could not be compared: no standard error" in note for note in found.notes)


def test_the_first_bad_argument_is_reported():
    scores = oms.scores(cases({}), by="unit")
    with pytest.raises(oms.UnknownNameError, match=r"unknown criterion '2\.9'") as caught:
        practice(scores, unit="kentt", criterion="2.9", theme="alcohl", limit=0)
    assert "alcohl" not in str(caught.value)
    with pytest.raises(oms.UnknownNameError, match="'kent'"):
        practice(scores, unit="kentt")
    for wrong, near in (
        ({"criterion": "2.33"}, "2.3"),
        ({"theme": ["alcohol", "drinks"]}, "drugs"),
        ({"unit": "wiltshir"}, "wiltshire"),
        ({"kind": "cases"}, "case"),
    ):
        with pytest.raises(oms.UnknownNameError, match=near):
            practice(**wrong)
    for wrong, match in (
        ({"criterion": 2.3}, "list of criterion ids"),
        ({"criterion": [2.3]}, "unknown criterion 2.3"),
        ({"theme": []}, "empty list"),
        ({"limit": True}, "whole number"),
        ({"others": ["kent"]}, "`others`"),
        ({"scores": 3}, "`scores` must be Scores"),
        ({"scores": scores}, "name the `unit`"),
        ({"text": pa.table({"id": ["2.3-01"]})}, "no text"),
    ):
        with pytest.raises(oms.UsageError, match=match):
            practice(**wrong)


def test_scores_of_another_programme_raise():
    from tests.scoring.programme import case_set, read

    with pytest.raises(oms.UsageError, match="does not have"):
        practice(oms.scores(case_set(read()), by="unit"), unit="north", level="headline")


def test_texts_are_attached_escaped_and_shown_without_control_characters():
    evil = "One\x1b[31m <script>alert(1)</script>\x9b2J\u202etext\x00 &\r\nmore"
    text = index().append_column("text", pa.array([evil] * len(ROWS)))
    found = practice(criterion="2.3", text=text)
    # In the table the text is what was read.
    assert set(found.table["text"].to_pylist()) == {evil}
    page = found._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert all(c.isprintable() or c in "\n\r" for c in page)
    shown = repr(found)
    assert all(c == "\n" or c.isprintable() for c in shown)
    assert "One[31m <script>alert(1)</script>2Jtext & more" in shown
    part = text.filter(pa.array([id != "2.3-01" for id in text["id"].to_pylist()]))
    lost = practice(criterion="2.3", text=part)
    assert lost.table["text"][0].as_py() is None
    assert any("no text for 2.3-01" in note for note in lost.notes)


@given(st.text())
def test_printable_text_is_kept_whole(text):
    shown = printable(text)
    assert all(c == "\n" or c.isprintable() or c.isspace() or ord(c) > 0x9F for c in shown)
    assert [c for c in shown if c.isalnum()] == [c for c in text if c.isalnum()]


def test_the_result_converts_to_json_arrow_and_html():
    found = practice(criterion="2.3", theme="alcohol")
    assert json.loads(json.dumps(found.to_dict()))["examples"][0]["id"] == "2.3-01"
    assert pa.table(found).num_rows == len(found) == 3
    assert "<table>" in found._repr_html_()


@given(
    entries=st.lists(
        st.tuples(
            st.sampled_from(["1.1", "2.2", "2.3"]),
            st.sampled_from(["kent", "wales", "london"]),
            st.sampled_from(["case", "practice"]),
            st.sets(st.sampled_from(["alcohol", "drugs", "mappa"]), min_size=1),
            st.integers(0, 5),
        ),
        max_size=12,
    ),
    criteria=st.lists(st.sampled_from(["1.1", "2.2", "2.3"]), unique=True),
    themes=st.sets(st.sampled_from(["alcohol", "drugs", "mappa"])),
    unit=st.sampled_from([None, "kent"]),
)
def test_every_example_that_fits_is_found_once_and_no_other(entries, criteria, themes, unit):
    """Recounted with sets: an example fits if one of its entries is under a criterion."""
    rows: list[Any] = []
    root: dict[str, str] = {}
    for criterion, where, kind, about, back in entries:
        id = f"{criterion}-{1 + sum(r[0].startswith(criterion) for r in rows):02d}"
        # Some repeat an earlier entry, and then are its unit's and of its kind.
        before = rows[back] if back < len(rows) else None
        same = before[0] if before else None
        where, kind = (before[1], before[3]) if before else (where, kind)
        root[id] = root[same] if same else id
        rows.append((id, where, same, kind, sorted(about)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module(), "load_good_practice", lambda: index(rows))
        found = practice(criterion=criteria or None, theme=sorted(themes) or None, unit=unit)
    wanted = set()
    for first in set(root.values()):
        own = [r for r in rows if root[r[0]] == first]
        about = {theme for r in own for theme in r[4]}
        if (
            own[0][1] != unit
            and (not themes or about & themes)
            and (not criteria or any(r[0][:3] in criteria for r in own))
        ):
            wanted.add(first)
    assert [root[id] for id in ids(found)] == list(dict.fromkeys(root[id] for id in ids(found)))
    assert {root[id] for id in ids(found)} == wanted
    places = [criteria.index(r["criterion"]) for r in found.table.to_pylist() if criteria]
    assert places == sorted(places)
