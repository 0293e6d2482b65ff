"""The reproduction in words, and as files."""

from __future__ import annotations

from pathlib import Path

from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.reproduction import Cell, Reproduction
from omistats.omi2.tables import TABLES

__all__ = ["as_text", "write_tables"]


def as_text(found: Reproduction) -> str:
    """Say what agrees with print and, for what does not, why it cannot."""
    lines = [
        "The 2011 aggregate report recomputed from 2,213 SYNTHETIC cases",
        "Agreement proves the arithmetic, not the report: the cases were made to fit.",
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
        lines.append(f"    {'why: see ' + _where(found, proof) if proof else 'NOT EXPLAINED'}")
    lines += ["", f"Contradictions among the printed figures: {len(found.contradictions)}"]
    for i, contradiction in enumerate(found.contradictions, 1):
        verdict = "impossible" if contradiction.premises == ("arithmetic",) else "procedure"
        place = (
            f"Table {contradiction.table} row {contradiction.row}"
            if contradiction.table is not None
            else "text"
        )
        lines.append(f"  [{i}] {place}, {contradiction.what} ({verdict})")
        lines.append(f"      {contradiction.proof}")
        if contradiction.remedy:
            lines.append(f"      {contradiction.remedy}")
    if found.noted:
        lines += ["", "Noted, not counted (a mark beside a single group compares nothing):"]
        lines += [f"  {_cell(cell)}" for cell in found.noted]
    return "\n".join(lines)


def _row(label: str, cells: list[str]) -> str:
    return f"{label:<45}{cells[0]:>10}{cells[1]:>14}{cells[2]:>10}"


def _share(counts: tuple[int, int]) -> str:
    return f"{counts[0]}/{counts[1]}"


def _where(found: Reproduction, proof: object) -> str:
    return f"[{next(i for i, c in enumerate(found.contradictions, 1) if c is proof)}]"


def _cell(cell: Cell) -> str:
    label = FRAMEWORK.question(cell.question).label
    group = f", {cell.group}" if cell.group else ""
    recomputed = "nothing" if cell.recomputed is None else cell.recomputed
    return (
        f"Table {cell.table} row {cell.row} ({label}){group}: "
        f"{cell.what} printed {cell.printed}, recomputed {recomputed}"
    )


def write_tables(found: Reproduction, folder: Path) -> list[Path]:
    """Write the recomputed tables, each as CSV and as Parquet.

    Parameters
    ----------
    found : Reproduction
        What was recomputed.
    folder : Path
        Made if it is not there; files of the same name are replaced.

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
