"""Links from the module names that end a page, after "In the code", to their source."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import PycodeError
from sphinx.ext.viewcode import OUTPUT_DIRNAME
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

BEGINNING = "In the code: "

log = logging.getLogger(__name__)


def named(env: BuildEnvironment) -> Iterator[tuple[str, str]]:
    """Give every page that names modules, with each of them."""
    for page in sorted(env.found_docs):
        for line in env.doc2path(page).read_text(encoding="utf-8").splitlines():
            if line.startswith(BEGINNING):
                for module in re.findall(r"(?<!})`(omistats[\w.]*)`", line):
                    yield page, module


def show_modules(app: Sphinx, env: BuildEnvironment) -> None:
    """Have the source of named modules shown; viewcode shows those that the reference describes."""
    if app.builder.name != "html":
        return
    # viewcode has no other way to ask for a module. Where it keeps them elsewhere one day, the
    # build says so here, where names without a link would go unseen.
    shown = getattr(env, "_viewcode_modules", None)
    if shown is None:
        log.warning("viewcode no longer keeps its modules in _viewcode_modules; see code_links.py")
        return
    for page, module in named(env):
        if not shown.get(module):
            try:
                found = ModuleAnalyzer.for_module(module)
                found.analyze()
            except PycodeError:
                log.warning("there is no module %s", module, location=page)
            else:
                shown[module] = (found.code, found.tags, {}, module)


def link_modules(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make links of module names."""
    shown = getattr(app.env, "_viewcode_modules", {})
    for paragraph in doctree.findall(nodes.paragraph):
        if app.builder.name != "html" or not paragraph.astext().startswith(BEGINNING):
            continue
        for name in list(paragraph.findall(nodes.literal)):
            module = name.astext()
            if isinstance(name.parent, nodes.reference) or not shown.get(module):
                continue
            source = "/".join([OUTPUT_DIRNAME, *module.split(".")])
            address = app.builder.get_relative_uri(page, source)
            link = nodes.reference("", "", internal=True, refuri=address)
            name.replace_self(link)
            link += name


def setup(app: Sphinx) -> dict[str, bool]:
    """Show them when all pages are read, and link them when each is written."""
    app.connect("env-updated", show_modules)
    app.connect("doctree-resolved", link_modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
