"""Report of the reproduction as text and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.printed_contradictions import Contradiction
from omistats.omi2.published import TABLES
from omistats.omi2.reproduction import ComparedCell, Reproduction

__all__ = ["as_text", "write_tables"]


_CAVEAT = "Agreement proves the arithmetic, not the report: the cases were constructed to fit."


_LEGEND = (
    "  These follow from the printed figures alone. No cases can produce all figures of a",
    "  smallest set; without any one of them some cases can. Ranges are numbers of sufficient",
    "  cases, among all applicable ones, that would print so. A mark is the stars of a row (--",
    "  for none). Premises: arithmetic uses rounding and the printed Ns only. Procedure also",
    "  assumes that the marks come from Pearson's chi-square without correction, and that a",
    "  subset was tested against all other cases. The overlapping test compares it with all",
    "  cases, itself included.",
    "",
)


def as_text(found: Reproduction) -> str:
    """Write which figures agree with print, and why the others cannot."""
    synthetic = found.source == "synthetic"
    kind = "SYNTHETIC cases" if synthetic else "cases"
    lines = [
        f"The 2011 aggregate report recomputed from {found.case_count:,} {kind}",
        *([_CAVEAT] if synthetic else []),
        "",
        f"{'Table':<45}{'Ns':>10}{'percentages':>14}{'stars':>10}",
    ]
    for number, table in TABLES.items():
        cells = [_share(found.matched(what, number)) for what in ("n", "percent", "stars")]
        lines.append(_row(f"{number:>2} {table.title}", cells))
    lines.append(_row("All", [_share(found.matched(what)) for what in ("n", "percent", "stars")]))
    agreed = sum(p.agrees for p in found.points)
    lines += ["", f"Figures counted in the report's text: {agreed}/{len(found.points)} agree"]
    for point in found.points:
        mark = "ok" if point.agrees else f"printed {point.printed}"
        lines.append(f"  Table {point.table:>2}  {point.point.sentence}  [{mark}]")
    lines += ["", f"Cells that differ from print: {len(found.mismatches)}"]
    for cell in found.mismatches:
        proof = found.proof(cell)
        lines.append(f"  {_cell(cell)}")
        if proof is None:
            lines.append("    NOT EXPLAINED: part of no contradiction")
        elif found.accounts_for(cell):
            lines.append(f"    see {_heading(proof)}")
        else:
            lines.append(
                "    NOT EXPLAINED: the printed figure, or one nearer to it, is possible here"
            )
    smallest = sum(c.minimal for c in found.contradictions)
    lines += ["", f"Contradictions among the printed figures: {smallest} smallest sets", *_LEGEND]
    for first, *others in _filed(found.contradictions):
        lines += [f"  {_heading(first)}", f"    {first.proof}"]
        if first.remedy and first.remedy.together:
            lines.append(f"    (this set) {first.remedy}")
            lines.append(f"    (all {1 + len(others)} sets at once) {first.remedy.together}")
        elif first.remedy:
            lines.append(f"    {first.remedy}")
        if others:
            rows = [t for c in others for t in sorted({cell[:2] for cell in c.cells})]
            elsewhere = dict.fromkeys(r for r in rows if r != (first.table, first.row))
            places = ", ".join(f"Table {table} row {row}" for table, row in elsewhere)
            sets = "more sets contradict it" if first.minimal else "sets of figures contradict it"
            lines.append(f"    {len(others)} {sets}, with {places}: see --json")
    if found.untested_marks:
        lines += ["", "Not counted: rows that print -- for a single group. There is nothing to"]
        lines += ["compare, so no mark is recomputed."]
        lines += [f"  {_cell(cell)}" for cell in found.untested_marks]
    return "\n".join(lines)


def _row(label: str, cells: list[str]) -> str:
    return f"{label:<45}{cells[0]:>10}{cells[1]:>14}{cells[2]:>10}"


def _share(counts: tuple[int, int]) -> str:
    return f"{counts[0]}/{counts[1]}"


def _filed(found: Sequence[Contradiction]) -> list[list[Contradiction]]:
    """Group contradictions of the same figure, a diagnosis first."""
    diagnoses = [c for c in found if not c.minimal]
    filed: dict[object, list[Contradiction]] = {}
    for c in found:
        at = next((d for d in diagnoses if set(c.cells) <= set(d.cells)), c)
        # Shares of the text have no table, and each is a figure of its own.
        key = (at.table, at.row, at.what) if at.table is not None else at
        filed.setdefault(key, []).append(c)
    return [sorted(group, key=lambda c: c.minimal) for group in filed.values()]


def _heading(contradiction: Contradiction) -> str:
    c = contradiction
    verdict = "impossible" if c.impossible else "not by this procedure"
    place = "Text" if c.table is None else f"Table {c.table} row {c.row}"
    return f"{place}, {c.what}: {verdict} (premises: {', '.join(c.premises)})"


def _cell(cell: ComparedCell) -> str:
    label = FRAMEWORK.question(cell.question).label
    group = f", {cell.group}" if cell.group else ""
    recomputed = "nothing" if cell.recomputed is None else cell.recomputed
    return (
        f"Table {cell.table} row {cell.row} ({label}){group}: "
        f"{cell.what} printed {cell.printed}, recomputed {recomputed}"
    )


def write_tables(found: Reproduction, folder: Path) -> list[Path]:
    """Write the recomputed tables as CSV and Parquet.

    Parameters
    ----------
    found : Reproduction
        The recomputed figures.
    folder : Path
        Created if it does not exist; files of the same name are replaced.

    Returns
    -------
    list of Path
        The files written.
    """
    import pyarrow.csv
    import pyarrow.parquet

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, table in found.tables().items():
        path = folder / f"table_{number:02d}.csv"
        pyarrow.csv.write_csv(table, path)
        pyarrow.parquet.write_table(table, path.with_suffix(".parquet"))
        written += [path, path.with_suffix(".parquet")]
    findings = folder / "findings.parquet"
    found.findings.write_parquet(findings)
    return [*written, findings]
