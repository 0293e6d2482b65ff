"""What the README shows is what the program says; what is public is documented."""

from __future__ import annotations

import re
from pathlib import Path

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
    described = set(re.findall(r"^\.\. auto\w+:: (\S+)$", page, re.MULTILINE))
    public = {f"omistats.{name}" for name in oms.__all__ if name not in ("__version__", "omi2")}
    public |= {f"omistats.omi2.{name}" for name in oms.omi2.__all__}
    assert described == public
