"""Check a built site: `python docs/_checks/site.py FOLDER`.

Sphinx checks the sources; this checks the pages it wrote. Links and anchors lead somewhere, images
have alternative text, nothing is fetched from another host, and no path of a machine is shown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes that make a browser fetch something before anybody clicks.
FETCHED = {
    **dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), "src"),
    "link": "href",
    "object": "data",
    "image": "href",
    "use": "href",
}
# Relations of a <link> that fetch nothing.
NOT_FETCHED = {"canonical", "alternate", "author", "index", "search", "next", "prev", "license"}
STYLE_URL = re.compile(r"""(?:url\(\s*|@import\s+)['"]?([^'")\s]+)""")
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])/(?:home|root|Users|tmp|work|builds|opt|srv|var/folders)/[\w.-]+"
    r"|(?<!\w)[A-Z]:\\Users\\[\w.-]+"
)


class Page(HTMLParser):
    """The anchors, links, fetched files and images of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        styles = re.findall(r"<style.*?</style>", text, re.DOTALL)
        self.fetched: list[str] = STYLE_URL.findall("".join(styles))
        self.without_alt: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "img" and not given.get("alt", "").strip():
            self.without_alt.append(given.get("src", ""))
        silent = tag == "link" and set(given.get("rel", "").split()) <= NOT_FETCHED
        if given.get(FETCHED.get(tag, "")) and not silent:
            self.fetched.append(given[FETCHED[tag]])
        self.fetched += STYLE_URL.findall(given.get("style", ""))


def is_remote(url: str) -> bool:
    """Tell whether a browser would ask another host for an address."""
    return bool(urlsplit(url).netloc)


def find_dead_links(folder: Path, file: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Yield the links of a page to files or anchors that do not exist."""
    for url in dict.fromkeys(pages[file].links + pages[file].fetched):
        parts = urlsplit(url)
        if parts.scheme in ("file", "javascript"):
            yield f"{url} works on one machine only, or runs something"
        if parts.scheme or parts.netloc:
            continue
        target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        anchor = unquote(parts.fragment)
        if not target.is_file() or not target.is_relative_to(folder):
            yield f"{url} is no file of the site"
        elif anchor and target in pages and anchor not in pages[target].anchors:
            yield f"{url} has no such anchor"


def find_problems(folder: Path) -> Iterator[str]:
    """Yield a line for each problem of a built site."""
    folder = folder.resolve()
    texts = {
        file: file.read_text("utf-8")
        for file in sorted(folder.rglob("*"))
        if file.suffix in {".html", ".svg", ".css", ".txt"}
    }
    pages = {
        file: Page(text)
        for file, text in texts.items()
        if file.suffix == ".html" and "_static" not in file.relative_to(folder).parts
    }
    if folder / "index.html" not in pages:
        yield f"{folder} holds no index.html; build the site first"
    for file, text in texts.items():
        name = file.relative_to(folder)
        fetched = STYLE_URL.findall(text) if file.suffix == ".css" else []
        for found in sorted(set(MACHINE_PATH.findall(text))):
            yield f"{name}: path of a machine: {found}"
        if file in pages:
            fetched = pages[file].fetched
            yield from (f"{name}: no alternative text: {src}" for src in pages[file].without_alt)
            yield from (f"{name}: {link}" for link in find_dead_links(folder, file, pages))
        yield from (f"{name}: fetched from elsewhere: {url}" for url in fetched if is_remote(url))


if __name__ == "__main__":
    lines = list(find_problems(Path(sys.argv[1])))
    print("\n".join(lines) or "no problems found")
    sys.exit(bool(lines))
