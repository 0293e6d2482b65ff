"""Command line: output for people and machines, files, and exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pyarrow as pa
import pytest

import omistats as oms
from omistats import cli

# Internal: the command line, without starting a process.
from omistats.cli import main
from omistats.omi2 import reproduction


@pytest.fixture(scope="module")
def search():
    return oms.omi2.contradictions(oms.omi2.load_published())


@pytest.fixture(autouse=True)
def _search_once(monkeypatch, search):
    """Search for contradictions once: it takes a second and always finds the same."""
    monkeypatch.setattr(reproduction, "contradictions", lambda _: search)


def altered() -> oms.CaseSet:
    """Return the shipped cases with one answer less."""
    data = pa.table(oms.omi2.load_synthetic())
    answers = data["contact_frequency"].to_pylist()
    answers[answers.index(False)] = None
    place = data.column_names.index("contact_frequency")
    data = data.set_column(place, "contact_frequency", pa.array(answers))
    return oms.CaseSet.from_data(data, framework=oms.omi2.FRAMEWORK)


def test_text_on_stdout_and_progress_on_stderr(capsys):
    assert main(["reproduce"]) == 0
    out, err = capsys.readouterr()
    assert "892/892" in out
    assert "SYNTHETIC" in out
    assert out.count("omistats: ") == 0
    assert len(err.splitlines()) >= 3
    assert all(line.startswith("omistats: ") for line in err.splitlines())


def test_only_json_on_stdout(capsys):
    assert main(["reproduce", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["n"] == {"matched": 892, "total": 892}
    assert out["stars"]["total"] == 441
    assert out["points"] == {"matched": 22, "total": 22}


def test_out_writes_the_tables(capsys, tmp_path):
    folder = tmp_path / "tables"
    assert main(["reproduce", "--json", "--out", str(folder)]) == 0
    names = sorted(path.name for path in folder.iterdir())
    expected = [f"table_{n:02d}.{kind}" for n in range(3, 12) for kind in ("csv", "parquet")]
    assert names == sorted([*expected, "findings.parquet"])
    out, err = capsys.readouterr()
    json.loads(out)
    assert "wrote 19 files" in err
    assert main(["reproduce", "--out", str(folder)]) == 0


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_altered_case_fails(capsys, monkeypatch, options):
    cases = altered()
    monkeypatch.setattr(reproduction, "load_synthetic", lambda: cases)
    assert main(["reproduce", *options]) == 1
    out = capsys.readouterr().out
    if options:
        assert json.loads(out)["n"]["matched"] < 892
    else:
        assert "NOT EXPLAINED" in out


def test_a_folder_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(["reproduce", "--out", str(folder)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "file" in err.splitlines()[-1]
        assert "Traceback" not in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    assert main(["reproduce", "--out", str(tmp_path / "tables")]) == 2


def test_defective_data_are_reported_without_a_traceback(capsys, monkeypatch):
    def defective():
        return oms.CaseSet.from_data({"case_id": [1]}, framework=oms.omi2.FRAMEWORK)

    monkeypatch.setattr(reproduction, "load_synthetic", defective)
    assert main(["reproduce"]) == 2
    assert "needs every question column" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["recompute"], ["reproduce", "--xml"], ["--programme"], ["--prog", "omi2"]]
)
def test_usage_errors_exit_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: omistats" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["omi9", "kernel", "cli", "omi2.good_practice", "../omi2", ""])
def test_an_unknown_programme_is_one_plain_line_and_status_2(capsys, name):
    assert main(["--programme", name, "reproduce"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"omistats: unknown programme {name!r}")
    assert "omi2" in err
    assert err.count("\n") == 1


def test_a_programme_given_by_name_has_the_same_commands(capsys):
    assert main(["reproduce", "--json"]) == 0
    default = capsys.readouterr().out
    assert main(["--programme", "omi2", "reproduce", "--json"]) == 0
    assert capsys.readouterr().out == default


def test_a_missing_library_is_not_an_unknown_programme(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'elsewhere'", name="elsewhere")

    monkeypatch.setattr(cli, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match="elsewhere"):
        main(["reproduce"])


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"omistats {oms.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["reproduce", "--help"]])
def test_help(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert "usage: omistats" in capsys.readouterr().out


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "omistats", "practice", "--criterion", "4.3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "no example was published under 4.3" in done.stdout
