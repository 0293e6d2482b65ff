"""What is built and installed is what is in the repository, and every data file can be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

# Runs in a fresh interpreter that sees the installed wheel first: reads every shipped file that is
# not Python and prints its number of rows (or top-level entries), or what went wrong.
READ_EVERY_DATA_FILE = r"""
import csv, io, json, tomllib
from importlib.resources import files

def csv_rows(data):
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise ValueError(f"ragged: rows of {sorted(widths)} fields")
    return len(rows) - 1

def parquet_rows(data):
    import pyarrow as pa, pyarrow.parquet as pq
    # In one thread: older versions may abort where a process ends as their threads start.
    table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
    table.validate(full=True)
    return table.num_rows

def arrow_rows(data):
    import pyarrow as pa
    table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    table.validate(full=True)
    return table.num_rows

READERS = {
    ".csv": csv_rows,
    ".parquet": parquet_rows,
    ".arrow": arrow_rows,
    ".json": lambda data: len(json.loads(data)),
    ".toml": lambda data: len(tomllib.loads(data.decode("utf-8"))),
}

def walk(folder, prefix=""):
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from walk(entry, name + "/")
        elif not name.endswith((".py", ".pyi", "py.typed")):
            yield name, entry

found = {}
for name, entry in walk(files("omistats")):
    try:
        found[name] = READERS[entry.name[entry.name.rindex("."):]](entry.read_bytes())
    except KeyError as error:
        found[name] = f"no reader for {error}"
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
import omistats
print(json.dumps({"package": omistats.__file__, "files": found}))
"""


def run(arguments: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def build(kind: str, project: Path, to: Path) -> Path:
    run(["-m", "hatchling", "build", "-t", kind, "-d", to], cwd=project)
    (built,) = to.iterdir()
    return built


def in_the_tree(package: Path) -> set[str]:
    return {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def in_the_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("omistats/")}


@pytest.fixture(scope="module")
def metadata(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", repository, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile"]
    run(["-m", "pip", "install", *quiet, "--target", target, wheel])
    return target


def answer(program: str, installed: Path, tmp_path: Path) -> Any:
    """Run a program that sees the installed wheel before anything else, away from the checkout."""
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    return json.loads(run(["-c", program], cwd=tmp_path, env=environment).stdout)


def test_the_wheel_holds_every_file_of_the_package(wheel: Path, repository: Path) -> None:
    assert in_the_wheel(wheel) == in_the_tree(repository / "src" / "omistats")


def test_the_source_distribution_builds_the_same_wheel(
    wheel: Path, repository: Path, tmp_path: Path
) -> None:
    archive = build("sdist", repository, tmp_path / "sdist")
    run(["-m", "tarfile", "-e", archive, tmp_path])
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    again = build("wheel", unpacked, tmp_path / "wheel")
    assert in_the_wheel(again) == in_the_wheel(wheel)


def test_the_types_are_declared(installed: Path) -> None:
    assert (installed / "omistats" / "py.typed").is_file()
    assert (installed / "omistats" / "__init__.pyi").is_file()


def test_every_data_file_can_be_read_from_the_installed_wheel(
    installed: Path, repository: Path, tmp_path: Path
) -> None:
    seen = answer(READ_EVERY_DATA_FILE, installed, tmp_path)
    assert Path(seen["package"]).is_relative_to(installed)
    expected = {
        name.removeprefix("omistats/")
        for name in in_the_tree(repository / "src" / "omistats")
        if not name.endswith((".py", ".pyi", "py.typed"))
    }
    assert expected, "the package ships data"
    assert set(seen["files"]) == expected
    unreadable = {name: rows for name, rows in seen["files"].items() if not isinstance(rows, int)}
    assert not unreadable
    assert all(rows > 0 for rows in seen["files"].values()), seen["files"]


def test_licence_and_notice_travel_with_the_wheel(installed: Path) -> None:
    (licences,) = installed.glob("omistats-*.dist-info/licenses")
    assert {path.name for path in licences.iterdir()} == {"LICENSE", "NOTICE"}


def test_the_version_is_the_same_everywhere(
    metadata: dict[str, Any], repository: Path, installed: Path, tmp_path: Path
) -> None:
    ours = metadata["project"]["version"]
    program = "import json, omistats; print(json.dumps(omistats.__version__))"
    assert answer(program, installed, tmp_path) == ours
    citation = (repository / "CITATION.cff").read_text("utf-8")
    changelog = (repository / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE).group(1) == ours
    assert f"## [{ours}]" in changelog


def test_every_dependency_has_a_floor(metadata: dict[str, Any]) -> None:
    ours = "omistats["  # an extra of several others
    assert [
        one for one in requirements(metadata) if ">=" not in one and not one.startswith(ours)
    ] == []


@pytest.mark.skipif(
    "OMISTATS_LOWEST" not in os.environ, reason="for the environment of lowest versions alone"
)
def test_the_floors_are_what_is_installed(metadata: dict[str, Any]) -> None:
    # Without this, a resolver that quietly prefers newer versions would leave the floors untried.
    floors = dict(one.split(">=") for one in metadata["project"]["dependencies"])
    installed = {name: version(name) for name in floors}
    assert {n: v for n, v in installed.items() if not f"{v}.".startswith(f"{floors[n]}.")} == {}


def requirements(metadata: dict[str, Any]) -> list[str]:
    return [
        *metadata["project"]["dependencies"],
        *(one for extra in metadata["project"]["optional-dependencies"].values() for one in extra),
        *(
            one
            for group in metadata["dependency-groups"].values()
            for one in group
            if isinstance(one, str)
        ),
    ]


def test_entry_points_lead_somewhere(
    installed: Path, metadata: dict[str, Any], tmp_path: Path
) -> None:
    program = """
import json
from importlib.metadata import distribution
points = distribution("omistats").entry_points
print(json.dumps({p.name: [p.group, p.value, callable(p.load())] for p in points}))
"""
    project = metadata["project"]
    expected = {
        name: ["omistats.breakdowns", value, True]
        for name, value in project["entry-points"]["omistats.breakdowns"].items()
    } | {name: ["console_scripts", value, True] for name, value in project["scripts"].items()}
    assert answer(program, installed, tmp_path) == expected
