"""The inspections, the Trusts and the regions, against what the publications print."""

from __future__ import annotations

import datetime as dt
import pickle
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.factories import Gender

import omistats as oms

UNITS, TRUSTS = oms.omi2.UNITS, oms.omi2.TRUSTS
IDS = [unit.id for unit in UNITS]
FRAMEWORK = oms.Framework(
    "small", [oms.Question("q", "Question")], [oms.Stratum("gender", ("f", "m"))]
)


def caseload(*ids: str) -> oms.CaseSet:
    data = {"case_id": list(range(len(ids))), "unit": list(ids)}
    data |= {"gender": ["f"] * len(ids), "q": [True] * len(ids)}
    order = [unit for unit in UNITS if unit.id in ids]
    return oms.CaseSet.from_data(data, framework=FRAMEWORK, units=order)


@pytest.fixture(scope="module")
def practice(sources: Path) -> str:
    return (sources / "good_practice_examples.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(sources: Path) -> str:
    return (sources / "aggregate_findings_2011.txt").read_text(encoding="utf-8")


class TestFacts:
    def test_36_inspections_of_35_trusts_15_of_them_reported(self):
        """36: the list that ends the good practice collection. 35 and 15: aggregate report, 1-2."""
        assert len(UNITS) == len(set(IDS)) == 36
        assert len(TRUSTS) == len({t.id for t in TRUSTS}) == 35
        assert sum(u.in_aggregate for u in UNITS) == 15
        assert {u.trust for u in UNITS} == {t.id for t in TRUSTS}
        assert sorted(IDS) == IDS

    def test_only_norfolk_and_suffolk_share_a_trust(self):
        of = Counter(u.trust for u in UNITS)
        assert [t for t, count in of.items() if count > 1] == ["norfolk-suffolk"]
        assert [u.id for u in UNITS if u.trust != u.id] == ["norfolk", "suffolk"]
        assert {t.id for t in TRUSTS} - set(IDS) == {"norfolk-suffolk"}

    def test_ten_regions_and_how_many_inspections_were_in_each(self):
        """The report prints 6, 4 and 5 for its three regions; the others are not printed."""
        found = Counter(u.region for u in UNITS)
        assert found == {
            "East of England": 6,
            "South East": 4,
            "East Midlands": 5,
            "South West": 5,
            "North West": 5,
            "North East": 2,
            "Yorkshire and the Humber": 4,
            "West Midlands": 3,
            "London": 1,
            "Wales": 1,
        }
        reported = {u.region for u in UNITS if u.in_aggregate}
        assert reported == {"East of England", "South East", "East Midlands"}
        assert not {u.region for u in UNITS if not u.in_aggregate} & reported

    def test_unpublished_facts_are_marked_or_null(self):
        assert {u.region_provenance for u in UNITS} == {"inferred"}
        assert {u.fieldwork for u in UNITS} == {None}

    @pytest.mark.parametrize("unit", UNITS, ids=IDS)
    def test_ids_are_made_of_names(self, unit):
        words = re.sub(r"\band\b|&", " ", unit.name.lower()).split()
        assert unit.id == "-".join(words)


class TestAgainstTheSources:
    def test_names_are_those_of_the_list(self, practice):
        """The list has two columns, so each line has two names."""
        start = practice.index("Avon & Somerset Lincolnshire")
        lines = practice[start : practice.index("Copies of these reports", start)].splitlines()
        names = {unit.name for unit in UNITS}
        left, right = [], []
        for line in filter(None, (line.strip() for line in lines)):
            fits = [n for n in names if line.startswith(n + " ") and line[len(n) + 1 :] in names]
            assert len(fits) == 1, line
            left.append(fits[0])
            right.append(line[len(fits[0]) + 1 :])
        assert left + right == [unit.name for unit in UNITS]

    def test_the_report_counts_35_trusts_and_15_inspections_in_three_regions(self, report):
        assert "all 35 NOMS Probation Trusts" in report
        for region in {unit.region for unit in UNITS if unit.in_aggregate}:
            assert region in report
        assert "a total of 15 inspections" in report

    def test_section_4_ended_after_the_south_west(self, practice):
        """Its examples fit the inferred regions: all are from the first four to be inspected."""
        start = practice.index("4. LEADERSHIP AND STRATEGIC MANAGEMENT")
        section = practice[start : practice.index("Summary of reports published", start)]
        assert "inspections in the South West region" in section
        by_name = {unit.name: unit for unit in UNITS}
        found = {by_name[x.strip()] for x in section.splitlines() if x.strip() in by_name}
        assert len(found) == 11
        first = {"East of England", "South East", "East Midlands", "South West"}
        assert {unit.region for unit in found} == first

    def test_dates_lie_in_the_printed_months(self, report, practice):
        assert "from September 2009 to October 2010" in report
        assert re.search(r"programme that took place during\s+2009-2012", practice)


class TestMatching:
    @pytest.mark.parametrize(
        ("name", "id"),
        [
            ("Staffs & West Mids", "staffordshire-west-midlands"),
            ("SWM", "staffordshire-west-midlands"),
            ("Staffordshire & West Midlands Probation Trust", "staffordshire-west-midlands"),
            ("Devon and Cornwall", "devon-cornwall"),
            ("Leics & Rutland", "leicestershire-rutland"),
            ("NOTTS", "nottinghamshire"),
            ("Northants", "northamptonshire"),
            ("Herts", "hertfordshire"),
            ("Beds", "bedfordshire"),
            ("Cambs", "cambridgeshire"),
            ("Lincs", "lincolnshire"),
            ("Lancs", "lancashire"),
            ("Glos", "gloucestershire"),
            ("Hants", "hampshire"),
            ("Durham & Tees Valley", "durham-tees-valley"),
            ("DTV", "durham-tees-valley"),
            ("Surrey+Sussex", "surrey-sussex"),
            ("Cymru/Wales", "wales"),
            ("London Probation Trust", "london"),
            ("N. Yorks", "york-north-yorkshire"),
        ],
    )
    def test_short_forms(self, name, id):
        assert oms.match_units([name], UNITS).matched == {name: id}

    def test_every_id_name_and_synonym_belongs_to_one_unit(self):
        for units in (UNITS, TRUSTS):
            spellings = [(s, u.id) for u in units for s in (u.id, u.name, *u.synonyms)]
            found = oms.match_units([s for s, _ in spellings], units)
            assert found.ids.to_pylist() == [id for _, id in spellings]
            assert found.units == units

    @pytest.mark.parametrize(
        ("name", "candidates"),
        [
            ("Yorkshire", {"south-yorkshire", "west-yorkshire", "york-north-yorkshire"}),
            ("West", {"staffordshire-west-midlands", "west-mercia", "west-yorkshire"}),
            ("Norfolk & Suffolk Probation Trust", {"norfolk", "suffolk"}),
            ("Kent, Surrey and Sussex", {"kent", "surrey-sussex"}),
        ],
    )
    def test_ambiguous_names_raise(self, name, candidates):
        with pytest.raises(oms.DataError, match="a name must match one unit") as caught:
            oms.match_units([name], UNITS)
        (problem,) = caught.value.problems
        assert set(re.findall(r"\(([a-z-]+)\)|or '([a-z-]+)'", problem.found)) == {
            (id, "") for id in candidates
        }

    @pytest.mark.parametrize("name", ["Sussex", "West Midlands", "GMP", "Durham", "TVP", "East"])
    def test_names_of_other_things_are_not_guessed(self, name):
        """Parts of areas, regions, and police forces."""
        with pytest.raises(oms.DataError, match="a name must match a unit"):
            oms.match_units([name], UNITS)

    @pytest.mark.parametrize(
        ("name", "larger"),
        [
            ("Norfolk & Suffolk Probation Trust", True),
            ("Kent, Surrey and Sussex", True),
            ("Yorkshire", False),
            ("West", False),
        ],
    )
    def test_a_name_that_holds_several_whole_may_be_a_larger_unit_s(self, name, larger):
        with pytest.raises(oms.DataError) as caught:
            oms.match_units([name], UNITS)
        (problem,) = caught.value.problems
        assert problem.hint.startswith("Write the full name of the unit.")
        assert ("larger unit" in problem.hint) is larger

    def test_the_merged_trust_is_a_trust(self):
        names = ["Norfolk & Suffolk", "Norfolk", "Suffolk Probation Area"]
        assert set(oms.match_units(names, TRUSTS).matched.values()) == {"norfolk-suffolk"}


class TestGrouping:
    def test_of_ids_units_cases_and_tallies(self):
        cases = caseload("kent", "norfolk", "suffolk", "wales")
        expected = {
            "kent": "South East",
            "norfolk": "East of England",
            "suffolk": "East of England",
            "wales": "Wales",
        }
        counts = oms.tally(cases, by="unit", breakdowns=[Gender()])
        for units in (cases, cases.units, iter(cases.units), counts, counts.with_all()):
            assert oms.omi2.regions(units) == expected
        assert oms.omi2.regions([u for u in UNITS if u.id in expected]) == expected
        assert (
            oms.omi2.regions("kent")
            == oms.omi2.regions(UNITS[IDS.index("kent")])
            == {"kent": "South East"}
        )
        assert oms.omi2.regions([]) == {}
        assert list(oms.omi2.regions()) == list(oms.omi2.trusts()) == IDS

    def test_trusts_have_regions_too(self):
        ids = ["norfolk-suffolk", "kent"]
        assert oms.omi2.regions(ids) == {"norfolk-suffolk": "East of England", "kent": "South East"}
        assert oms.omi2.trusts(ids) == {id: id for id in ids}
        assert len(oms.omi2.regions(TRUSTS)) == len(oms.omi2.trusts(TRUSTS)) == 35
        region = {unit.trust: unit.region for unit in UNITS}
        assert oms.omi2.regions(TRUSTS) == {t.id: region[t.id] for t in TRUSTS}
        # Both inspections of a Trust are in one region.
        assert len({(unit.trust, unit.region) for unit in UNITS}) == 35

    def test_some_of_the_units_are_enough(self):
        cases = caseload("suffolk", "kent", "norfolk", "essex", "kent")
        regions = cases.regroup(oms.omi2.regions(cases))
        assert regions.units == ("East of England", "South East")
        assert np.bincount(regions.unit_codes).tolist() == [3, 2]
        trusts = cases.regroup(oms.omi2.trusts(cases))
        assert trusts.units == ("essex", "kent", "norfolk-suffolk")
        assert np.bincount(trusts.unit_codes).tolist() == [1, 2, 2]

    def test_units_that_had_no_cases_stay(self):
        empty = oms.CaseSet.from_data(
            {"case_id": [], "unit": [], "gender": [], "q": []}, framework=FRAMEWORK, units=UNITS
        )
        assert len(empty.regroup(oms.omi2.regions(empty)).units) == 10
        assert len(empty.regroup(oms.omi2.trusts(empty)).units) == 35
        assert empty.unit_names["york-north-yorkshire"] == "York & North Yorkshire"

    @pytest.mark.parametrize("group", [oms.omi2.regions, oms.omi2.trusts])
    def test_unknown_ids_are_one_error(self, group):
        with pytest.raises(oms.UnknownNameError) as caught:
            group(["kent", "wayles", "kentt", None, "wayles"])
        assert caught.value.names == ("wayles", "kentt", "None")
        assert "did you mean 'wales'" in str(caught.value)
        with pytest.raises(oms.UnknownNameError, match="unknown unit 'U01', 'U02'") as caught:
            group(oms.omi2.load_synthetic())
        assert len(caught.value.names) == 15
        # The known ids are listed once, not for each unknown one.
        assert str(caught.value).count("avon-somerset") == 1
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), vars(again)) == (str(caught.value), vars(caught.value))
        with pytest.raises(oms.UsageError, match="`units` must be a list of unit ids; found 3"):
            group(3)


class TestFieldwork:
    @pytest.mark.parametrize(
        "day",
        [
            dt.date(2010, 3, 15),
            dt.datetime(2010, 3, 15, 9, 30, tzinfo=dt.UTC),
            "2010-03-15",
            " 2010-03-15T09:30 ",
            np.datetime64("2010-03-15"),
            np.datetime64("2010-03-15T09:30:00.000000001"),
            pd.Timestamp(2010, 3, 15),
        ],
        ids=repr,
    )
    def test_a_date_of_any_kind(self, day):
        units = oms.omi2.with_fieldwork({"kent": day})
        assert {u.id: u.fieldwork for u in units if u.fieldwork} == {"kent": dt.date(2010, 3, 15)}
        assert [u.id for u in units] == IDS
        assert type(units[IDS.index("kent")].fieldwork) is dt.date
        assert {u.fieldwork for u in UNITS} == {None}

    def test_unknown_stays_unknown(self):
        for nothing in (None, float("nan"), pd.NaT, np.datetime64("NaT")):
            assert oms.omi2.with_fieldwork({"kent": nothing}) == UNITS
        assert oms.omi2.with_fieldwork({}) == UNITS

    def test_all_bad_input_is_reported_together(self):
        with pytest.raises(oms.DataError) as caught:
            oms.omi2.with_fieldwork(
                {
                    "walse": "2010-01-01",
                    3: "2010-01-01",
                    "kent": "2010-11-01",
                    "london": "spring",
                    "wales": "2009-08-31",
                    "dorset": 20100315,
                    "essex": "2010-10-31",
                    "cheshire": "2012-12-31",
                }
            )
        ids, kent, london, wales, dorset = map(str, caught.value.problems)
        assert "found 'walse', 3" in ids
        assert "did you mean 'wales'" in ids
        assert kent.startswith("kent: inspections of the aggregate report took place from 2009-09")
        assert "found 2010-11-01" in kent
        assert "found 'spring'. Write it like 2010-03-15." in london
        assert wales.startswith("wales: inspections took place from 2009-09-01 to 2012-12-31")
        assert "found 20100315" in dorset

    @pytest.mark.parametrize("dates", [None, "2010-03-15", [("kent", "2010-03-15")]])
    def test_dates_are_a_mapping(self, dates):
        with pytest.raises(oms.UsageError, match="pass a dict such as"):
            oms.omi2.with_fieldwork(dates)
