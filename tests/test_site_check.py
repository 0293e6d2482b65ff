"""The check of the built documentation finds what it is there to find."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
CHECK = ROOT / "docs" / "_checks" / "site.py"

FIRST = """<title>First</title><h1 id="top">First</h1>
<a href="second.html#there">on</a> <a href="#top">up</a> <a href="https://example.org/">away</a>
<a href="mailto:someone@example.org">write</a> <img src="picture.svg" alt="A picture">
<link rel="stylesheet" href="_static/look.css"><link rel="canonical" href="https://example.org/">
<script src="searchindex.js"></script>"""
SECOND = '<title>Second</title><p id="there">x</p> <a href="folder/">down</a>'
THIRD = '<title>Third</title><a href="../second.html?highlight=x#there">up</a>'


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_check", CHECK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write(tmp_path, "index.html", FIRST)
    write(tmp_path, "second.html", SECOND)
    write(tmp_path, "folder/index.html", THIRD)
    write(tmp_path, "picture.svg", "<svg xmlns='http://www.w3.org/2000/svg'></svg>")
    write(tmp_path, "_static/look.css", "p { background: url(data:image/png;base64,AA) }")
    index = {
        "docnames": ["index", "second", "folder/index"],
        "terms": {"first": 0, "word": [0, 1]},
        "titleterms": {"third": 2},
    }
    write(tmp_path, "searchindex.js", f"Search.setIndex({json.dumps(index)})")
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def add(folder: Path, text: str) -> None:
    write(folder, "index.html", FIRST + text)


def test_a_sound_site_has_no_problems(
    check: ModuleType, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.problems(site) == []
    assert check.main([str(site)]) == 0
    assert capsys.readouterr().out == "the site holds together\n"


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('<a href="gone.html">x</a>', "the link gone.html is no file of the site"),
        ('<a href="#gone">x</a>', "the link #gone has no anchor 'gone'"),
        ('<a href="second.html#gone">x</a>', "the link second.html#gone has no anchor 'gone'"),
        ('<a href="folder/#gone">x</a>', "the link folder/#gone has no anchor 'gone'"),
        ('<a href="../out.html">x</a>', "the link ../out.html is outside the site"),
        ('<img src="gone.png" alt="x">', "the link gone.png is no file of the site"),
        ('<img src="picture.svg">', "image without alt text: picture.svg"),
        ('<img src="picture.svg" alt=" ">', "image without alt text: picture.svg"),
        (
            '<script src="https://x.org/a.js"></script>',
            "fetched from elsewhere: https://x.org/a.js",
        ),
        ('<script src="//x.org/a.js"></script>', "fetched from elsewhere: //x.org/a.js"),
        ('<img src="http://x.org/a.png" alt="x">', "fetched from elsewhere: http://x.org/a.png"),
        (
            '<link rel="preload stylesheet" href="https://x.org/a.css">',
            "fetched from elsewhere: https://x.org/a.css",
        ),
        (
            '<link rel="stylesheet" href="https://x.org/a.css">',
            "fetched from elsewhere: https://x.org/a.css",
        ),
        (
            "<style>@font-face { src: url('https://x.org/a.woff2') }</style>",
            "fetched from elsewhere: https://x.org/a.woff2",
        ),
        (
            '<p style="background: url(https://x.org/a.png)">',
            "fetched from elsewhere: https://x.org/a.png",
        ),
        (
            '<a href="file:///srv/x.html">x</a>',
            "the link file:///srv/x.html is of one machine or runs something",
        ),
        (
            '<a href="javascript:go()">x</a>',
            "the link javascript:go() is of one machine or runs something",
        ),
        ("<base href='elsewhere/'>", "a <base> would turn its links elsewhere"),
        ("<map><area href='gone.html'></map>", "the link gone.html is no file of the site"),
        ("<a href='gone%20page.html'>x</a>", "the link gone%20page.html is no file of the site"),
        *(
            (f"<{element}='https://x.org/a'>", "fetched from elsewhere: https://x.org/a")
            for element in (
                "iframe src",
                "source src",
                "source srcset",
                "video src",
                "video poster",
                "audio src",
                "embed src",
                "object data",
                "image href",
                "use href",
            )
        ),
        (
            "<meta http-equiv='Refresh' content='0; url=https://x.org/a'>",
            "fetched from elsewhere: https://x.org/a",
        ),
        *(
            (f"<p>made in {path}/omistats", f"a path of a machine: {path}")
            for path in (
                "/home/somebody",
                "/root/x",
                "/Users/somebody",
                "/tmp/x",
                "/work/x",
                "/builds/x",
                "/opt/x",
                "/srv/x",
                "/var/folders/x",
            )
        ),
        (r"<p>made in C:\Users\somebody", r"a path of a machine: C:\Users\somebody"),
    ],
)
def test_each_kind_of_damage_is_named_once(
    check: ModuleType, site: Path, added: str, said: str
) -> None:
    add(site, added)
    assert check.problems(site) == [f"index.html: {said}"]
    assert check.main([str(site)]) == 1


def test_an_address_may_be_written_in_percent_signs(check: ModuleType, site: Path) -> None:
    write(site, "a page.html", f"<title>Spaced</title>{THIRD.replace('../', '')}")
    add(site, '<a href="a%20page.html">x</a>')
    found = check.problems(site)
    assert found == ["a page.html: the search does not know it"]


@pytest.mark.parametrize("suffix", ["txt", "svg", "css", "html"])
def test_every_kind_of_text_is_read_for_paths(check: ModuleType, site: Path, suffix: str) -> None:
    write(site, f"_static/made.{suffix}", "/* made in /home/somebody */")
    assert check.problems(site) == [f"_static/made.{suffix}: a path of a machine: /home/somebody"]


def test_a_page_that_no_link_leads_to(check: ModuleType, site: Path) -> None:
    # A link from the page to others, and to itself, is no way to it.
    write(site, "alone.html", '<title>Alone</title><a href="index.html">x</a><a href="#">y</a>')
    assert "alone.html: no link leads here from index.html" in check.problems(site)


def test_a_page_without_a_title_of_its_own(check: ModuleType, site: Path) -> None:
    write(site, "second.html", SECOND.replace("Second", " "))
    assert check.problems(site) == ["second.html: no title"]


def test_a_style_sheet_that_fetches(check: ModuleType, site: Path) -> None:
    write(site, "_static/look.css", "@import 'https://x.org/fonts.css';")
    expected = "_static/look.css: fetched from elsewhere: https://x.org/fonts.css"
    assert check.problems(site) == [expected]


def test_a_page_that_the_search_does_not_know(check: ModuleType, site: Path) -> None:
    text = (site / "searchindex.js").read_text("utf-8")
    write(site, "searchindex.js", text.replace('"third": 2', '"third": 1'))
    assert check.problems(site) == ["folder/index.html: the search does not know it"]
    (site / "searchindex.js").unlink()
    assert "searchindex.js: there is none, so nothing can be searched" in check.problems(site)


def test_a_folder_that_is_no_site(check: ModuleType, tmp_path: Path) -> None:
    assert check.problems(tmp_path) == ["index.html: there is none"]
    assert check.main([]) == 2


def test_words_in_a_path_are_no_machine(check: ModuleType, site: Path) -> None:
    add(site, '<a href="https://example.org/work/main">x</a> case/work/plan, and/or, 2/3')
    assert check.problems(site) == []


SECTION = re.compile(r"```python\n((?:(?!```).)*)```\n\n(\| column .*?)\n\n", re.DOTALL)
RESULTS = ROOT / "docs" / "reference" / "results.md"
PRINTED = SECTION.findall(RESULTS.read_text("utf-8"))


def test_the_page_of_results_has_its_tables() -> None:
    assert len(PRINTED) == RESULTS.read_text("utf-8").count("| column |")


@pytest.mark.parametrize(("printed", "table"), PRINTED)
def test_every_column_printed_is_described(printed: str, table: str) -> None:
    lines = [line for line in printed.splitlines() if not line.startswith((">>>", "..."))]
    names = [re.split(r"\s{2,}", line)[0] for line in lines]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    described = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert sorted(described) == sorted(names)


def contract() -> list[list[str]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (found,) = (c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    rows = [[name.strip(" ()") for name in line.split("|")] for line in found["layers"]]
    package = ROOT / "src" / "omistats"
    there = [
        [n for n in row if list(package.glob(f"{n}.py")) or (package / n).is_dir()] for row in rows
    ]
    return [row for row in there if row and row != ["__main__"]]


def test_the_page_on_architecture_has_the_layers_of_the_contract() -> None:
    # The picture is drawn from the contract; its words and the table beside it are written.
    page = (ROOT / "docs" / "project" / "architecture.md").read_text("utf-8")
    names = [name for row in contract() for name in row]
    alt = re.search(r":alt: (The layers of .*)", page)
    assert alt is not None
    assert [word for word in re.findall(r"\w+", alt[1]) if word in names] == names
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    in_table = [name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert in_table == names
