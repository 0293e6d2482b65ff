"""The plugin package of the documentation: built, installed, found by name, and right."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import omistats as oms

TENURE = ["owned", "owned", "owned", "owned", "rented", "rented", "rented", "none", "none", None]
VISITED = [True, True, True, False, True, False, None, False, False, True]


@pytest.fixture(scope="module")
def cases() -> oms.CaseSet:
    framework = oms.Framework("demo", [oms.Question("home_visit", "Home visited")])
    return oms.CaseSet.from_data(
        {
            "case_id": list(range(10)),
            "unit": ["A"] * 10,
            "tenure": TENURE,
            "home_visit": VISITED,
        },
        framework=framework,
    )


def counted(findings: oms.Findings) -> dict[str, tuple[int, int]]:
    table = findings.table
    pairs = zip(table["k"].to_pylist(), table["n"].to_pylist(), strict=True)
    return dict(zip(table["group"].to_pylist(), pairs, strict=True))


@pytest.mark.usefixtures("plugin_on_path")
def test_a_name_finds_the_breakdown_of_an_installed_package(cases: oms.CaseSet) -> None:
    findings = oms.recompute(cases, breakdowns=["tenure"])
    # Counted by eye from the two lists above.
    assert counted(findings) == {"owned": (3, 4), "rented": (1, 2), "none": (0, 2)}
    assert findings.unclassified["unclassified"].to_pylist() == [1]


@pytest.mark.usefixtures("plugin_on_path")
def test_an_override_of_classify_makes_groups_of_something_else(cases: oms.CaseSet) -> None:
    findings = oms.recompute(cases, breakdowns=["settled"])
    assert counted(findings) == {"settled": (4, 6), "all": (5, 9)}
    # Against the complement: the two without a home, and the one nothing is known of.
    expected = oms.stats.compare(4, 6, 1, 3)
    assert findings.table["statistic"][0].as_py() == pytest.approx(float(expected.statistic))


@pytest.mark.usefixtures("plugin_on_path")
def test_names_and_instances_go_together(cases: oms.CaseSet) -> None:
    from omistats_tenure import Settled

    findings = oms.recompute(cases, breakdowns=["tenure", Settled()])
    assert [split.key for split in findings.tally.splits] == ["tenure", "settled"]


def test_the_package_declares_what_it_offers(plugin_folder: Path) -> None:
    (info,) = plugin_folder.glob("omistats_tenure-*.dist-info")
    offered = (info / "entry_points.txt").read_text("utf-8")
    assert "[omistats.breakdowns]" in offered
    assert "tenure = omistats_tenure:Tenure" in offered


def test_nothing_is_loaded_until_it_is_asked_for(plugin_folder: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(plugin_folder)!r})
import omistats as oms
framework = oms.Framework("demo", [oms.Question("q", "Q")], [oms.Stratum("gender", ["f", "m"])])
cases = oms.CaseSet.from_data({{"case_id": [1], "unit": ["A"], "gender": ["f"], "q": [True]}},
                              framework=framework)
class Ours(oms.Breakdown):
    key = "gender"
    groups = ("f", "m")
oms.recompute(cases, breakdowns=[Ours()])
sys.exit("omistats_tenure" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_name_lists_what_is_offered(cases: oms.CaseSet, plugin_on_path: None) -> None:
    with pytest.raises(oms.UnknownNameError, match="tenure"):
        oms.recompute(cases, breakdowns=["tenur"])


def test_the_two_breakdowns_are_as_short_as_promised(repository: Path) -> None:
    source = repository / "tests/plugin/omistats-tenure/src/omistats_tenure/__init__.py"
    classes = [
        node for node in ast.parse(source.read_text("utf-8")).body if isinstance(node, ast.ClassDef)
    ]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in classes}
    assert set(lengths) == {"Tenure", "Settled"}
    assert all(length < 15 for length in lengths.values()), lengths


def test_the_tally_holds_the_same_for_any_arrow_of_labels(cases: oms.CaseSet) -> None:
    class Labelled(oms.Breakdown):
        key = "labelled"
        groups = ("owned", "rented", "none")

        def classify(self, cases: oms.CaseSet) -> pa.Array:
            return cases["tenure"].dictionary_encode()

    by_label = counted(oms.recompute(cases, breakdowns=[Labelled()]))
    assert by_label == {"owned": (3, 4), "rented": (1, 2), "none": (0, 2)}
