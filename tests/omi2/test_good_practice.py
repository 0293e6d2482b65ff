"""Index of good practice: its form, counts made by hand, and the coding."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

import omistats as oms

# Internal: how the ids of inspections are made of names.
from omistats.model.units import slug
from omistats.omi2.good_practice.publication import CRITERIA

# Counted by hand from the publication, by another reader than the one who made the index, line
# by line and without its reader: examples under each criterion, ...
BY_CRITERION = {
    "1.1": 4,
    "1.2": 9,
    "1.3": 7,
    "1.4": 16,
    "2.1": 11,
    "2.2": 35,
    "2.3": 38,
    "2.4": 31,
    "3.1": 6,
    "3.2": 15,
    "3.3": 24,
    "4.1": 2,
    "4.2": 4,
    "4.3": 0,
    "4.4": 0,
    "4.5": 6,
}
# ... those of each inspection, by its name as printed, ...
BY_INSPECTION = {
    "Avon & Somerset": 5,
    "Bedfordshire": 8,
    "Cambridgeshire": 5,
    "Cheshire": 4,
    "Cumbria": 7,
    "Derbyshire": 6,
    "Devon & Cornwall": 6,
    "Dorset": 5,
    "Durham Tees Valley": 6,
    "Essex": 6,
    "Gloucestershire": 5,
    "Greater Manchester": 5,
    "Hampshire": 8,
    "Hertfordshire": 5,
    "Humberside": 7,
    "Kent": 3,
    "Lancashire": 5,
    "Leicestershire & Rutland": 8,
    "Lincolnshire": 6,
    "London": 6,
    "Merseyside": 6,
    "Norfolk": 6,
    "Northamptonshire": 7,
    "Northumbria": 5,
    "Nottinghamshire": 5,
    "South Yorkshire": 4,
    "Staffordshire and West Midlands": 5,
    "Suffolk": 6,
    "Surrey & Sussex": 5,
    "Thames Valley": 6,
    "Wales": 6,
    "Warwickshire": 6,
    "West Mercia": 7,
    "West Yorkshire": 5,
    "Wiltshire": 6,
    "York & North Yorkshire": 7,
}
# ... the later and the first place of each text that stands in several, ...
CROSS_LISTED = {
    "2.3-14": "2.2-14",
    "2.3-15": "2.2-15",
    "2.4-14": "2.2-20",
    "2.4-19": "2.3-25",
    "2.4-30": "1.2-09",
    "3.2-15": "1.2-09",
}
# ... and examples that have no name of their own, with the name that closes their run.
UNNAMED = {
    "Bedfordshire": ["2.2-02", "2.3-02", "2.4-01"],
    "Cumbria": ["1.2-01", "2.2-05"],
    "Devon & Cornwall": ["2.2-07"],
    "Dorset": ["3.2-03", "3.3-05"],
    "Greater Manchester": ["2.3-12"],
    "Hampshire": ["2.1-05", "2.4-05", "2.4-06", "3.3-09"],
    "Hertfordshire": ["2.4-08"],
    "Humberside": ["2.2-14", "2.3-14", "2.3-15"],
    "Leicestershire & Rutland": ["2.3-18"],
    "London": ["2.2-19", "2.4-14", "2.4-15"],
    "Norfolk": ["2.2-21", "2.2-22", "2.3-21"],
    "Northamptonshire": ["2.3-23", "2.3-24", "2.4-19", "3.2-09"],
    "Northumbria": ["2.4-21"],
    "Nottinghamshire": ["2.3-27"],
    "South Yorkshire": ["2.3-29"],
    "Staffordshire and West Midlands": ["2.2-26"],
    "Thames Valley": ["2.2-28"],
    "Wales": ["2.3-32"],
    "Warwickshire": ["2.3-34"],
    "West Mercia": ["2.2-31", "2.3-36"],
    "York & North Yorkshire": ["2.4-30"],
}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    return oms.omi2.load_good_practice().to_pylist()


class TestTable:
    def test_columns_and_types(self):
        index = oms.omi2.load_good_practice()
        text, word = pa.string(), pa.dictionary(pa.int8(), pa.string())
        assert {f.name: f.type for f in index.schema} == {
            "id": text,
            "criterion": word,
            "unit": pa.dictionary(pa.int16(), pa.string()),
            "order": pa.int16(),
            "same_as": text,
            "kind": word,
            "themes": pa.list_(text),
        }
        assert index.column_names[-1] == "themes"
        index.validate(full=True)

    def test_metadata_have_source_and_coding(self):
        said = oms.omi2.load_good_practice().schema.metadata
        assert b"HM Inspectorate of Probation" in said[b"source"]
        assert b"ours" in said[b"coding"]
        assert said[b"vocabulary"].decode().split() == list(oms.omi2.THEMES)

    def test_only_same_as_is_ever_null(self):
        index = oms.omi2.load_good_practice()
        nulls = {name for name in index.column_names if index[name].null_count}
        assert nulls == {"same_as"}

    def test_ids_say_criterion_and_order(self, rows):
        assert [r["id"] for r in rows] == [f"{r['criterion']}-{r['order']:02}" for r in rows]
        assert len({r["id"] for r in rows}) == len(rows)
        for criterion in BY_CRITERION:
            orders = [r["order"] for r in rows if r["criterion"] == criterion]
            assert orders == list(range(1, len(orders) + 1))
        assert [r["id"] for r in rows] == sorted(r["id"] for r in rows)

    def test_criteria_are_those_of_the_framework(self, rows):
        assert {r["criterion"] for r in rows} < set(CRITERIA) == set(BY_CRITERION)

    def test_a_repetition_points_back_and_is_coded_alike(self, rows):
        before: dict[object, dict[str, object]] = {}
        for row in rows:
            if row["same_as"]:
                first = before[row["same_as"]]
                assert first["same_as"] is None
                assert first["criterion"] != row["criterion"]
                assert [first[c] for c in ("unit", "kind", "themes")] == [
                    row[c] for c in ("unit", "kind", "themes")
                ]
            before[row["id"]] = row

    def test_kinds_and_themes_are_in_the_vocabulary(self, rows):
        assert {r["kind"] for r in rows} == {"case", "practice"}
        for row in rows:
            themes = row["themes"]
            assert 1 <= len(themes) <= 4, row["id"]
            assert themes == sorted(set(themes)), row["id"]
            assert set(themes) <= set(oms.omi2.THEMES), row["id"]

    def test_every_theme_is_used(self, rows):
        assert {t for r in rows for t in r["themes"]} == set(oms.omi2.THEMES)

    def test_the_table_is_shared_and_cannot_be_changed(self):
        index = oms.omi2.load_good_practice()
        assert oms.omi2.load_good_practice() is index
        with pytest.raises((TypeError, AttributeError)):
            index["id"] = index["unit"]
        assert not index["order"].chunk(0).to_numpy().flags.writeable
        changed = index.set_column(3, "order", pa.nulls(208, pa.int16()))
        assert changed["order"].null_count == 208
        assert oms.omi2.load_good_practice()["order"].null_count == 0

    def test_the_shipped_file_holds_nothing_but_facts(self, repository: Path):
        path = repository / "src" / "omistats" / "omi2" / "data" / "good_practice.csv"
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        forms = {
            "id": r"\d\.\d-\d\d",
            "criterion": r"\d\.\d",
            "unit": "|".join(map(slug, BY_INSPECTION)),
            "order": r"\d+",
            "same_as": r"(\d\.\d-\d\d)?",
            "kind": "case|practice",
            "themes": "(({0});)*({0})".format("|".join(oms.omi2.THEMES)),
        }
        assert list(lines[0]) == list(forms)
        for line in lines:
            for name, form in forms.items():
                assert re.fullmatch(form, line[name]), line
        marks = path.with_name("good_practice_fingerprints.csv").read_text("utf-8")
        body = marks.partition("\n")[2]
        assert re.fullmatch(r"(\d\.\d-\d\d,\d+,[0-9a-f]{32}\n)+", body)


class TestThemes:
    def test_ids_are_keys_in_the_order_of_the_alphabet(self):
        themes = oms.omi2.THEMES
        assert [t.id for t in themes.values()] == list(themes) == sorted(themes)
        assert len({t.label for t in themes.values()}) == len(themes) == 41
        assert all(re.fullmatch("[a-z]+(-[a-z]+)?", id) for id in themes)
        assert all(t.label and t.meaning for t in themes.values())

    def test_neither_can_be_changed(self):
        with pytest.raises(TypeError):
            oms.omi2.THEMES["new"] = oms.omi2.THEMES["alcohol"]  # type: ignore[index]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            oms.omi2.THEMES["alcohol"].label = "drink"  # type: ignore[misc]


class TestHandCount:
    def test_examples(self, rows):
        assert len(rows) == 208 == sum(BY_CRITERION.values()) == sum(BY_INSPECTION.values())

    def test_by_criterion(self, rows):
        found = Counter(r["criterion"] for r in rows)
        assert {c: found[c] for c in BY_CRITERION} == BY_CRITERION

    def test_by_inspection(self, rows):
        expected = {slug(name): n for name, n in BY_INSPECTION.items()}
        assert len(expected) == 36
        assert Counter(r["unit"] for r in rows) == expected

    def test_cross_listed(self, rows):
        assert {r["id"]: r["same_as"] for r in rows if r["same_as"]} == CROSS_LISTED

    def test_examples_without_a_name_of_their_own(self, rows):
        unit = {r["id"]: r["unit"] for r in rows}
        assert sum(map(len, UNNAMED.values())) == 38
        for name, ids in UNNAMED.items():
            assert {unit[id] for id in ids} == {slug(name)}, name

    def test_kinds(self, rows):
        assert Counter(r["kind"] for r in rows) == {"case": 178, "practice": 30}


Codes = npt.NDArray[np.bool_]


def kappa(first: Sequence[bool] | Codes, second: Sequence[bool] | Codes) -> float:
    """Cohen's kappa of two codings as yes or no."""
    a, b = np.asarray(first, float), np.asarray(second, float)
    by_chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return float(((a == b).mean() - by_chance) / (1 - by_chance))


@pytest.fixture(scope="module")
def codings() -> list[dict[str, str]]:
    path = Path(__file__).parent / "data" / "good_practice_codings.csv"
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


@pytest.fixture(scope="module")
def once(codings: list[dict[str, str]]) -> list[dict[str, str]]:
    """Each text once, because repetitions were coded together."""
    assert len(codings) == 208
    return [c for c in codings if c["id"] not in CROSS_LISTED]


class TestCoding:
    """The two independent codings, before disagreements were settled."""

    @staticmethod
    def matrix(codings: list[dict[str, str]], which: str) -> Codes:
        themes = [set(c[f"{which}_themes"].split(";")) for c in codings]
        return np.array([[t in given for t in oms.omi2.THEMES] for given in themes])

    def test_both_are_complete_and_in_the_vocabulary(self, codings, rows):
        assert [c["id"] for c in codings] == [r["id"] for r in rows]
        for c in codings:
            for which in ("first", "second"):
                given = c[f"{which}_themes"].split(";")
                assert 1 <= len(set(given)) == len(given) <= 4
                assert set(given) <= set(oms.omi2.THEMES)
                assert c[f"{which}_kind"] in {"case", "practice"}

    def test_the_index_has_what_both_codings_have_and_nothing_that_neither_has(self, codings, rows):
        """A disagreement was settled by choosing one of the two codings."""
        for c, row in zip(codings, rows, strict=True):
            first, second = (set(c[f"{w}_themes"].split(";")) for w in ("first", "second"))
            assert set(row["themes"]) <= first | second, row["id"]
            assert first & second <= set(row["themes"]), row["id"]
            assert row["kind"] in {c["first_kind"], c["second_kind"]}

    def test_themes_that_were_settled_twice(self, rows):
        """Work named as done is a theme; a past, an outcome or what surrounds the work is none."""
        themes = {r["id"]: r["themes"] for r in rows}
        # Work on drinking before and after release; the agencies were a means.
        assert themes["2.2-19"] == ["alcohol", "domestic-abuse", "prison", "victims"]
        # Drug use is the person's past, drink the offence, a scheme the setting.
        assert themes["2.3-18"] == ["accommodation"]
        assert themes["3.1-04"] == ["employment", "unpaid-work"]
        assert themes["2.4-13"] == ["compliance", "health"]

    def test_kappa_against_statsmodels(self, once):
        inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
        first, second = self.matrix(once, "first"), self.matrix(once, "second")
        for a, b in zip(first.T, second.T, strict=True):
            table = [[int((a & b).sum()), int((a & ~b).sum())]]
            table.append([int((~a & b).sum()), int((~a & ~b).sum())])
            theirs = inter_rater.cohens_kappa(np.array(table)).kappa
            assert kappa(a, b) == pytest.approx(theirs, rel=1e-12)

    def test_the_page_prints_the_agreement_that_is_computed(self, once, repository):
        first, second = self.matrix(once, "first"), self.matrix(once, "second")
        kinds = [[c[f"{w}_kind"] == "case" for c in once] for w in ("first", "second")]
        both = int((first & second).sum())
        alone = int((first & ~second).sum()), int((second & ~first).sum())
        found = {t: kappa(a, b) for t, a, b in zip(oms.omi2.THEMES, first.T, second.T, strict=True)}
        low = sorted(found, key=found.__getitem__)[:4]
        lowest = [f"`{t}` ({found[t]:.2f})" for t in low]
        assert found[low[-1]] < 0.8 <= sorted(found.values())[4]
        equal = sum(a == b for a, b in zip(*kinds, strict=True))
        kind = f"- kind: agreement on {equal} of {len(once)} (Cohen's kappa {kappa(*kinds):.2f});"
        themes = (
            f"- themes: the same set for {(first == second).all(axis=1).sum()} of {len(once)} "
            f"texts; {both} themes given by both codings, {alone[0]} only by the first, "
            f"{alone[1]} only by the second, which is a positive agreement of "
            f"{2 * both / (2 * both + sum(alone)):.2f};"
        )
        each = (
            f"- theme by theme: kappa {np.median(list(found.values())):.2f} in the middle, "
            f"{sum(k >= 0.8 for k in found.values())} of 41 at 0.8 or more; lowest for "
            f"{', '.join(lowest[:-1])} and {lowest[-1]}."
        )
        page = (repository / "docs" / "reference" / "good-practice.md").read_text("utf-8")
        assert [line for line in page.split("\n") if line.startswith("- ")] == [kind, themes, each]
