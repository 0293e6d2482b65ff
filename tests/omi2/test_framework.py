"""The second Offender Management Inspection as a framework."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import omistats as oms

FRAMEWORK = oms.omi2.FRAMEWORK
HEADLINES = {4: "risk_of_harm", 5: "reoffending", 6: "compliance"}


def test_all_75_key_aspects_have_an_id_and_a_label_of_their_own():
    assert len(FRAMEWORK.questions) == 75
    assert len(set(FRAMEWORK.question_ids)) == 75
    labels = [q.label for q in FRAMEWORK.questions]
    assert len(set(labels)) == 75
    for question in FRAMEWORK.questions:
        assert question.id.isidentifier()
        assert question.id == question.id.lower()
        assert question.label[0].isupper()
        assert question.provenance == "published"


def test_every_printed_row_belongs_to_one_question():
    """Tables 3-6 have 31, 20, 13 and 12 rows; Tables 7-11 each show every question."""
    places = Counter(place for q in FRAMEWORK.questions for place in q.printed)
    assert set(places.values()) == {1}
    rows = {3: 31, 4: 20, 5: 13, 6: 12, 7: 75, 8: 75, 9: 75, 10: 75, 11: 75}
    assert set(places) == {(t, r) for t, count in rows.items() for r in range(1, count + 1)}
    for place, question in enumerate(FRAMEWORK.questions, 1):
        assert [(t, place) for t in range(7, 12)] == [p for p in question.printed if p[0] > 6]


def test_one_question_is_in_two_of_tables_3_to_6():
    """76 rows and 75 questions."""
    often = [q.id for q in FRAMEWORK.questions if sum(t < 7 for t, _ in q.printed) > 1]
    assert often == ["harm_review_change"]
    assert all(any(t < 7 for t, _ in q.printed) for q in FRAMEWORK.questions)


def test_headlines_are_those_that_tables_4_to_6_print():
    for question in FRAMEWORK.questions:
        expected = [HEADLINES[t] for t, _ in question.printed if t in HEADLINES]
        assert [link.item for link in question.headlines] == expected
        assert all(link.provenance == "published" for link in question.headlines)
    counted = Counter(link.item for q in FRAMEWORK.questions for link in q.headlines)
    assert counted == {"risk_of_harm": 20, "reoffending": 13, "compliance": 12}


def test_every_question_has_a_criterion_with_its_provenance():
    for question in FRAMEWORK.questions:
        assert question.criterion is not None
        assert FRAMEWORK.item(question.criterion.item).level == "criterion"
        assert question.criterion.provenance in ("published", "inferred")
        assert question.links == (question.criterion, *question.headlines)
    published = [q.id for q in FRAMEWORK.questions if q.criterion.provenance == "published"]
    assert published == ["complied", "enforced", "harm_minimised"]


def test_criteria_are_in_order_and_belong_to_sections():
    """The report keeps its rows in the order of the general criteria."""
    order = [q.criterion.item for q in FRAMEWORK.questions]
    assert order == sorted(order)
    criteria = [i for i in FRAMEWORK.items if i.level == "criterion"]
    # Case assessments did not judge section 4.
    assert {i.id for i in criteria if not i.ended} == set(order)
    for item in criteria:
        assert FRAMEWORK.item(item.parent).level == "section"
        # The second publication numbers criteria within sections: 1.2 is in section 1.
        assert item.parent == item.id.split(".")[0]
        assert "." in item.id


def test_sections_criteria_and_headlines_are_all_there_with_a_statement_each():
    """The collection of good practice numbers 4, 4, 3 and 5 general criteria."""
    of = {
        level: [i.id for i in FRAMEWORK.items if i.level == level]
        for level in ("section", "criterion", "headline")
    }
    assert of["section"] == ["1", "2", "3", "4"]
    counts = {"1": 4, "2": 4, "3": 3, "4": 5}
    assert of["criterion"] == [f"{s}.{i}" for s, n in counts.items() for i in range(1, n + 1)]
    assert of["headline"] == list(HEADLINES.values())
    statements = [i.statement for i in FRAMEWORK.items]
    assert len(set(statements)) == len(statements)
    assert all(s.endswith(".") and "\n" not in s for s in statements)


def test_purposes_and_discontinued_items():
    purposes = {i.id: i.purpose for i in FRAMEWORK.items if i.purpose}
    assert purposes == {
        "2.1": "punish",
        "2.2": "control",
        "2.3": "help and change",
        "3.1": "punish",
        "3.2": "control",
        "3.3": "help and change",
        "risk_of_harm": "control",
        "reoffending": "help and change",
        "compliance": "punish",
    }
    assert [i.id for i in FRAMEWORK.items if i.ended] == ["4", *(f"4.{i}" for i in range(1, 6))]


def test_own_words(sources: Path) -> None:
    """No eight words in a row of a statement or label are in a publication."""

    def words(text: str) -> list[str]:
        return re.findall(r"[a-z']+", text.lower())

    texts = [" ".join(words(f.read_text(encoding="utf-8"))) for f in sources.glob("*.txt")]
    assert texts
    for item in FRAMEWORK.items:
        said = words(item.statement)
        for i in range(len(said) - 7):
            assert not any(" ".join(said[i : i + 8]) in text for text in texts), item


def test_strata_are_those_of_the_design():
    found = {s.name: (s.levels, s.required) for s in FRAMEWORK.strata}
    assert found == {
        "supervision_type": (
            ("community order", "suspended sentence order", "licence", "custody"),
            True,
        ),
        "gender": (("male", "female"), True),
        "ethnicity": (("white", "BME"), True),
        "disability": (("yes", "no"), True),
        "age_group": (("17-24", "25+"), True),
        "risk_of_harm": (("high", "not high"), True),
        "rosh_classification": (("low", "medium", "high", "very high"), False),
        "tier": (("1", "2", "3", "4"), False),
    }


def test_standard_breakdowns_fit_the_strata():
    assert FRAMEWORK.breakdowns == tuple(b.key for b in oms.omi2.STANDARD)
    for breakdown in oms.omi2.STANDARD:
        levels = FRAMEWORK.stratum(breakdown.key).levels
        groups = set(breakdown.groups) - {"all"}
        assert groups <= set(levels)
        if breakdown.contrast == "groups":
            assert groups | set(breakdown.excluded) == set(levels)


def test_choices_keep_the_frameworks_order():
    assert FRAMEWORK.select(None) == FRAMEWORK.question_ids
    assert FRAMEWORK.select(["induction", "psr_harm"]) == ("psr_harm", "induction")
    assert FRAMEWORK.select(iter(["induction"])) == FRAMEWORK.select("induction") == ("induction",)
    with pytest.raises(oms.UnknownNameError, match="did you mean 'induction'"):
        FRAMEWORK.select(["inducton"])
