"""All benchmarks in one run: ratios, as JSON and Markdown.

``python -m benchmarks.report [--out DIR]``, from the root of the repository, takes an hour or so;
``--cases`` and ``--rounds`` make it shorter. The figures of the documentation are made of the JSON
that it writes: ``docs/_figures/performance.json``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bulk import bulk_figures
from benchmarks.curves import curve_figures
from benchmarks.interleave import machine
from benchmarks.large import large_figures
from benchmarks.limits import machine_limits
from benchmarks.memory import memory_figures
from benchmarks.processes import import_times, peak_memory
from benchmarks.render import as_markdown
from benchmarks.report_inference import inference_figures

__all__ = ["measure"]


def measure(rounds: int, slow: int, cases: int, folder: Path) -> dict[str, Any]:
    """Run every benchmark and return the figures, ready for JSON.

    What takes seconds a call has ``slow`` rounds; files of ``cases`` cases are put in the
    folder.
    """
    # Rates and imports first: what follows heats the machine and fills its memory.
    limits, imports = machine_limits(), import_times(rounds)
    base, ours = imports["numpy, pyarrow"], imports["omistats"]
    races = [
        *bulk_figures(rounds, slow),
        *inference_figures(rounds, slow),
        *large_figures(cases, slow, 1, folder),
    ]
    marks = [
        *memory_figures(cases, folder),
        {
            "what": "peak of `omistats reproduce`",
            "measured": peak_memory(),
            "unit": "MB",
            "asked": 400,
        },
        {
            "what": "`import omistats`, to `import numpy, pyarrow`",
            "measured": ours[0] / base[0],
            "unit": "",
            "asked": 1.5,
        },
    ]
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": machine(),
        "limits": limits,
        "races": races,
        "marks": marks,
        "curves": curve_figures(rounds),
    }


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description="Time omistats beside its peers.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slow", type=int, default=3, help="rounds of what takes seconds")
    parser.add_argument("--cases", type=int, default=10_000_000, help="of the largest workload")
    parser.add_argument("--folder", type=Path, help="where to put its files for a while")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write report.md and report.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = measure(options.rounds, options.slow, options.cases, Path(folder))
    text = as_markdown(found)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "report.md").write_text(text, encoding="utf-8")
        written = json.dumps(found, indent=1) + "\n"
        (options.out / "report.json").write_text(written, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
