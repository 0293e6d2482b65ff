"""Settings of the documentation. It builds without a network: no remote inventories."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
# Figures are drawn while the pages are built, some of them by benchmarks.
sys.path += [str(HERE / "_figures"), str(HERE.parent)]

metadata = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))

project = metadata["project"]["name"]
author = "omistats contributors"
copyright = f"2026, {author}"
release = version = metadata["project"]["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinxcontrib.bibtex",
    "numpydoc",
    "sphinx_copybutton",
    "matplotlib.sphinxext.plot_directive",
    "pages_from_code",
    "public_names",
]
exclude_patterns = ["_build"]
# A name in single backticks is a link where it leads somewhere, and code where it does not.
default_role = "autolink"
language = "en-GB"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3

nitpicky = True
# Types of other projects: their inventories are remote, so their names stay plain text.
nitpick_ignore_regex = [
    (r"py:.*", r"(np|numpy|pa|pyarrow|pd|pandas|pl|polars|narwhals|scipy|attrs?|npt)\..*"),
    (r"py:.*", r"(collections|typing|pathlib|os|importlib|types)\..*"),
    # The default role of a docstring: a name that no page describes is shown as code.
    (r"py:obj", r".*"),
]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
# A default is shown as it is written, not as the object that it makes.
autodoc_preserve_defaults = True
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# What is copied is what is typed: no prompts, and no output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

plot_formats = [("svg", 100)]
plot_html_show_formats = False
plot_html_show_source_link = False

html_theme = "pydata_sphinx_theme"
html_title = f"omistats {release}"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["omistats.css"]
html_sidebars = {"index": [], "start": [], "report-2011": [], "glossary": []}
html_theme_options = {"secondary_sidebar_items": {"**": ["page-toc"], "index": []}}


def setup(app: Sphinx) -> None:
    """Read pages in parallel."""
    # The extension copies files at the end of a build, and does not declare that this is safe.
    app.extensions["sphinx-mathjax-offline"].parallel_read_safe = True
