"""Check a built site as a reader without a network meets it: `python docs/_checks/site.py FOLDER`.

Every internal link and anchor leads somewhere, every page can be reached from the first one, has
a title and tells in words what its images show, nothing is fetched from elsewhere, nothing tells
where it was built, and the search knows the words of every page.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FIRST = "index.html"
# Elements that make a browser fetch something before anybody clicks.
FETCHED = {
    **dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), "src"),
    "link": "href",
    "object": "data",
    "image": "href",
    "use": "href",
}
# Relations of a <link> that are read by programs and fetch nothing.
NOT_FETCHED = {"canonical", "alternate", "author", "index", "search", "next", "prev", "license"}
STYLE_URL = re.compile(r"""url\(\s*['"]?([^'")\s]+)|@import\s+['"]([^'"]+)""")
# Where people and machines build: home folders, and folders for work in passing.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])/(?:home|root|Users|tmp|work|builds|opt|srv|var/folders)/[\w.-]+"
    r"|(?<!\w)[A-Z]:\\Users\\[\w.-]+"
)
# Text only; a minified script is not ours and may hold any letters.
READ_FOR_PATHS = {".html", ".txt", ".svg", ".css"}
# What works where a page was made and nowhere else, or does more than lead somewhere.
LOCAL = {"file", "javascript"}
# Made by Sphinx for Sphinx; no reader is led there.
UNLINKED = {"search.html", "_modules/index.html"}


def is_remote(url: str) -> bool:
    """Whether a browser would ask another host for it."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ftp", "ws", "wss") or bool(parts.netloc)


class Page(HTMLParser):
    """What a page says of itself: its title, anchors, links, images, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title = self._inside = ""
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.without_alt: list[str] = []
        self.has_base = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag in ("title", "style"):
            # An SVG drawing has a <title> too; the page's own comes first.
            self._inside = tag if tag == "style" or not self.title else ""
        if tag in ("a", "area") and "href" in given:
            self.links.append(given["href"])
        self.has_base |= tag == "base"
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.fetched += re.findall(
                r"url=['\"]?([^'\"\s]+)", given.get("content", ""), re.IGNORECASE
            )
        if tag == "img" and not given.get("alt", "").strip():
            self.without_alt.append(given.get("src", ""))
        silent = tag == "link" and set(given.get("rel", "").split()) <= NOT_FETCHED
        if given.get(FETCHED.get(tag, "")) and not silent:
            self.fetched.append(given[FETCHED[tag]])
        self.fetched += [given["poster"]] if given.get("poster") else []
        self.fetched += [entry.split()[0] for entry in given.get("srcset", "").split(",") if entry]
        self.fetched += styled(given.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data.strip()
        elif self._inside == "style":
            self.fetched += styled(data)


def styled(text: str) -> list[str]:
    """Give what a style sheet fetches."""
    return [first or second for first, second in STYLE_URL.findall(text)]


def target(folder: Path, page: str, url: str) -> tuple[str, str]:
    """Give the file below the folder, and the anchor, that a link on a page leads to."""
    parts = urlsplit(url)
    if not parts.path:
        return page, unquote(parts.fragment)
    place = (folder / page).parent / unquote(parts.path)
    place = place.resolve()
    if place.is_dir():
        place /= FIRST
    if not place.is_relative_to(folder):
        return "", ""
    return place.relative_to(folder).as_posix(), unquote(parts.fragment)


def leads_nowhere(folder: Path, page: str, url: str, pages: dict[str, Page]) -> str:
    """Say why a link or a thing fetched is broken; an empty text where it is not."""
    file, anchor = target(folder, page, url)
    if not file:
        return "is outside the site"
    if not (folder / file).is_file():
        return "is no file of the site"
    if anchor and file in pages and anchor not in pages[file].anchors:
        return f"has no anchor {anchor!r}"
    return ""


def page_problems(folder: Path, name: str, pages: dict[str, Page]) -> Iterator[str]:
    """Name what is wrong with one page."""
    page = pages[name]
    if not page.title:
        yield f"{name}: no title"
    if page.has_base:
        yield f"{name}: a <base> would turn its links elsewhere"
    yield from (f"{name}: image without alt text: {src}" for src in page.without_alt)
    for url in page.fetched:
        if is_remote(url):
            yield f"{name}: fetched from elsewhere: {url}"
    for url in dict.fromkeys(page.links + page.fetched):
        if urlsplit(url).scheme in LOCAL:
            yield f"{name}: the link {url} is of one machine or runs something"
        if not url or is_remote(url) or urlsplit(url).scheme:
            continue
        if why := leads_nowhere(folder, name, url, pages):
            yield f"{name}: the link {url} {why}"


def file_problems(folder: Path, file: Path) -> Iterator[str]:
    """Name what is wrong with one file, whatever its kind."""
    name = file.relative_to(folder).as_posix()
    if file.suffix in READ_FOR_PATHS:
        text = file.read_text("utf-8")
        for found in sorted(set(MACHINE_PATH.findall(text))):
            yield f"{name}: a path of a machine: {found}"
    if file.suffix == ".css":
        for url in styled(file.read_text("utf-8")):
            if is_remote(url):
                yield f"{name}: fetched from elsewhere: {url}"


def reached(folder: Path, pages: dict[str, Page]) -> set[str]:
    """Give the pages that links lead to, from the first page on."""
    seen: set[str] = set()
    ahead = [FIRST]
    while ahead:
        name = ahead.pop()
        if name in seen or name not in pages:
            continue
        seen.add(name)
        links = [url for url in pages[name].links if url and not urlsplit(url).scheme]
        ahead += [target(folder, name, url)[0] for url in links if not is_remote(url)]
    return seen


def search_problems(folder: Path, pages: dict[str, Page]) -> Iterator[str]:
    """Name pages that the search would never find. It is a script: it needs no server."""
    file = folder / "searchindex.js"
    if not file.is_file():
        yield "searchindex.js: there is none, so nothing can be searched"
        return
    text = file.read_text("utf-8").strip()
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    with_terms: set[int] = set()
    for part in ("terms", "titleterms"):
        for places in index[part].values():
            with_terms |= {places} if isinstance(places, int) else set(places)
    known = {name for i, name in enumerate(index["docnames"]) if i in with_terms}
    # Source code and lists made from other pages are not searched.
    made = {"search", "genindex", "py-modindex"}
    for name in sorted(pages):
        page = name.removesuffix(".html")
        if page not in known | made and not name.startswith("_modules/"):
            yield f"{name}: the search does not know it"


def problems(folder: Path) -> list[str]:
    """Name everything that is wrong with a built site."""
    folder = folder.resolve()
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    pages = {
        file.relative_to(folder).as_posix(): Page(file.read_text("utf-8"))
        for file in files
        if file.suffix == ".html" and "_static" not in file.relative_to(folder).parts
    }
    if FIRST not in pages:
        return [f"{FIRST}: there is none"]
    found = [line for name in pages for line in page_problems(folder, name, pages)]
    found += [line for file in files for line in file_problems(folder, file)]
    alone = sorted(pages.keys() - reached(folder, pages) - UNLINKED)
    found += [f"{name}: no link leads here from {FIRST}" for name in alone]
    return [*found, *search_problems(folder, pages)]


def main(arguments: list[str]) -> int:
    """Print what is wrong, a line each; 1 where something is."""
    if len(arguments) != 1:
        print("usage: site.py FOLDER", file=sys.stderr)
        return 2
    found = problems(Path(arguments[0]))
    print("\n".join(found) or "the site holds together")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
