"""The README shows what the program prints; the pages name what exists and all that is public."""

from __future__ import annotations

import csv
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import omistats as oms

# Internal: the command line, without starting a process.
from omistats.cli import main


@pytest.fixture(scope="module")
def shown(repository: Path) -> list[str]:
    readme = (repository / "README.md").read_text("utf-8")
    return re.findall(r"^```text\n(.*?)\n```$", readme, re.DOTALL | re.MULTILINE)


def test_the_table_of_matches_is_the_output_of_the_command(
    shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce"]) == 0
    assert f"\n{shown[0]}\n" in capsys.readouterr().out
    assert len(shown[0].splitlines()) == 1 + 9 + 1


def test_the_findings_are_those_of_the_example(shown: list[str]) -> None:
    findings = oms.recompute(oms.omi2.load_synthetic())
    assert shown[1] == str(findings.breakdown("age_group").significant(adjusted="bh"))


def test_every_block_of_output_is_checked(shown: list[str]) -> None:
    assert len(shown) == 2


def test_the_reference_describes_every_public_name(repository: Path) -> None:
    pages = (repository / "docs" / "reference").glob("api-*.md")
    text = "\n".join(page.read_text("utf-8") for page in pages)
    described = re.findall(r"^\.\. auto\w+:: (\S+)$", text, re.MULTILINE)
    known = {id(pkgutil.resolve_name(name)) for name in described}
    undescribed = [
        f"{namespace.__name__}.{name}"
        for namespace in (oms, oms.stats, oms.forensics, oms.sampling, oms.omi2)
        for name in namespace.__all__
        if id(thing := getattr(namespace, name)) not in known and not isinstance(thing, ModuleType)
    ]
    assert undescribed == []


def test_the_new_names_of_the_list_of_renames_exist(repository: Path) -> None:
    with (repository / "docs" / "project" / "renames.csv").open(encoding="utf-8") as file:
        renames = [row for row in csv.DictReader(file) if row["kind"] in ("name", "attribute")]
    assert renames
    for row in renames:
        owner, _, name = row["new"].rpartition(".")
        # A class keeps a field without a default in its slots or annotations only.
        thing = pkgutil.resolve_name(owner)
        assert hasattr(thing, name) or name in thing.__annotations__, row


def test_files_named_in_the_pages_exist(repository: Path) -> None:
    # Sphinx checks names of modules, and these are plain code.
    text = "\n".join(page.read_text("utf-8") for page in (repository / "docs").rglob("*.md"))
    files = set(re.findall(r"`((?:tests|benchmarks)/[\w./]+)`", text))
    assert files
    assert [name for name in sorted(files) if not (repository / name).exists()] == []
