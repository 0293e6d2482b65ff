"""The README shows what the program prints; the pages name what exists and all that is public."""

from __future__ import annotations

import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import omistats as oms
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
    assert shown[1] == str(findings.breakdown("ethnicity").significant())


def test_every_block_of_output_is_checked(shown: list[str]) -> None:
    assert len(shown) == 2


def test_the_reference_describes_every_public_name(repository: Path) -> None:
    page = (repository / "docs" / "reference" / "api.md").read_text("utf-8")
    described = re.findall(r"^\.\. auto\w+:: (\S+)$", page, re.MULTILINE)
    known = {id(pkgutil.resolve_name(name)) for name in described}
    undescribed = [
        f"{namespace.__name__}.{name}"
        for namespace in (oms, oms.stats, oms.forensics, oms.sampling, oms.omi2)
        for name in namespace.__all__
        if id(thing := getattr(namespace, name)) not in known and not isinstance(thing, ModuleType)
    ]
    assert undescribed == []


def test_the_modules_named_at_the_end_of_pages_exist(repository: Path) -> None:
    # Sphinx checks roles, and these are plain code.
    named = {
        name
        for page in (repository / "docs").rglob("*.md")
        for line in re.findall(r"^In the code: .*", page.read_text("utf-8"), re.MULTILINE)
        for name in re.findall(r"(?<!})`(omistats[\w.]*)`", line)
    }
    assert named
    assert [name for name in sorted(named) if find_spec(name) is None] == []
