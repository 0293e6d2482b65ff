"""What is wrong with a part is named with the part, and there is no result of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from tests.factories import BREAKDOWNS, Gender, frame, framework

import omistats as oms

# Internal: results do not depend on the size of parts, which only tests choose.
from omistats.model import batches, files


@pytest.fixture(autouse=True, scope="module")
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ROWS", 8)
        patch.setattr(batches, "ROWS", 8)
        yield


WHOLE: dict[str, Any] = {"breakdowns": [Gender()], "permutations": 9, "framework": framework()}


def table(rows: int = 32, **changes: Any) -> pa.Table:
    return pa.table(frame(rows, **changes))


def write(path: Path, data: pa.Table) -> Path:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(data, path, row_group_size=8)
    return path


def refused(source: Any, *words: str, problems: int = 1, **options: Any) -> None:
    options = {"breakdowns": BREAKDOWNS, "framework": framework(), **options}
    with pytest.raises(oms.DataError) as caught:
        oms.recompute(source, **options)
    assert len(caught.value.problems) == problems, caught.value
    for word in words:
        assert word in str(caught.value), caught.value
    for problem in caught.value.problems:
        assert problem.where
        assert problem.hint.endswith(".")


def with_row(name: str, row: int, value: Any, rows: int = 32) -> dict[str, Any]:
    values = frame(rows)[name]
    values[row] = value
    return {name: values}


class TestData:
    def test_all_problems_of_a_part_are_listed(self, tmp_path):
        changes = with_row("gender", 20, "x") | with_row("unit", 21, None) | with_row("q0", 0, 1)
        changes["q0"] = [1] * 17 + [2] + [0] * 14
        changes["case_id"] = [f"c{16 if i == 22 else i}" for i in range(32)]
        path = write(tmp_path / "cases.parquet", table(**changes))
        where = f"{path}, row group 2: "
        refused(
            path,
            f"{where}gender: allowed levels are 'f', 'm'",
            f"{where}unit: every case needs a unit",
            f"{where}q0: answers must be true, false, 0, 1 or null",
            f"{where}case_id: ids must be unique; found more than once: 'c16'",
            problems=4,
        )

    def test_a_repeated_id_with_a_large_digest(self, tmp_path):
        """Its digest does not fit 63 bits, on which the oldest NumPy we allow failed."""
        data = table(case_id=[-5 if i == 30 else -i for i in range(32)])
        path = write(tmp_path / "cases.parquet", data)
        refused(path, "-5 in ", "row group 0 and ", "row group 3")
        refused(data.to_reader(8), "batch 0', 'RecordBatchReader, batch 3'")

    def test_a_batch_of_a_reader_is_counted_from_0(self):
        data = table(**with_row("tier", 30, "9"))
        refused(data.to_reader(8), "RecordBatchReader, batch 3: tier: allowed levels", "'9'")

    def test_a_file_of_a_data_set(self, tmp_path):
        write(tmp_path / "a.parquet", table())
        write(tmp_path / "b.parquet", table(**with_row("tier", 30, "9")))
        refused(ds.dataset(tmp_path), "b.parquet, batch", "tier: allowed levels")

    def test_a_label_outside_the_groups(self, tmp_path):
        class Narrow(oms.Breakdown):
            key = "tier"
            groups = ("1", "2")

        path = write(tmp_path / "cases.parquet", table())
        refused(path, "row group 0: breakdown 'tier': groups are '1', '2'", breakdowns=[Narrow()])

    def test_the_reserved_unit(self, tmp_path):
        path = write(tmp_path / "cases.parquet", table(**with_row("unit", 9, "all")))
        refused(path, "row group 1: unit: 'all' is reserved for all units together")

    def test_too_many_units_in_all_parts_together(self, monkeypatch):
        monkeypatch.setattr(batches, "_MAX_UNITS", 20)
        data = table(unit=[f"U{i}" for i in range(32)])
        refused(data.to_reader(8), "unit: at most 32,767 units; found 32")


class TestSchemas:
    def test_a_column_that_one_file_lacks(self, tmp_path):
        folder = tmp_path / "cases"
        write(folder / "a.parquet", table(16))
        write(folder / "b.parquet", table(16).drop_columns(["q1"]))
        refused(folder, "b.parquet", "the framework 'small' needs every question column", "'q1'")

    def test_in_all_files_it_is_told_once(self, tmp_path):
        folder = tmp_path / "cases"
        for name in "abcde":
            write(folder / f"{name}.parquet", table(16).drop_columns(["q1"]))
        refused(folder, "a.parquet", "c.parquet and 2 more: question column")

    def test_an_extra_column_that_one_file_lacks(self, tmp_path):
        class Tenure(oms.Breakdown):
            key = "tenure"
            groups = ("owned",)

        folder = tmp_path / "cases"
        tenure = pa.array(["owned"] * 16)
        write(folder / "a.parquet", table(16).append_column("tenure", tenure))
        write(folder / "b.parquet", table(16))
        refused(
            folder,
            "b.parquet: tenure: all files must have the column",
            "no such column",
            breakdowns=[Tenure],
        )

    def test_another_type(self, tmp_path):
        folder = tmp_path / "cases"
        write(folder / "a.parquet", table(16))
        numbers = pa.array([1, 0] * 8)
        data = table(16)
        write(folder / "b.parquet", data.set_column(data.column_names.index("q0"), "q0", numbers))
        refused(
            folder,
            "b.parquet: q0: all files must have the column with the type",
            "bool; found int64",
        )
        with pytest.raises(oms.DataError, match="q0: all files must have the column with the type"):
            oms.max_t(folder, **WHOLE)

    def test_a_file_of_a_data_set_that_lacks_a_column(self, tmp_path):
        write(tmp_path / "a.parquet", table(16))
        write(tmp_path / "b.parquet", table(16).drop_columns(["q0", "q1"]))
        refused(ds.dataset(tmp_path), "b.parquet: 'q0', 'q1': every file must have every column")

    def test_a_column_in_the_file_and_in_the_folder(self, tmp_path):
        write(tmp_path / "unit=A" / "a.parquet", table(16))
        refused(
            tmp_path,
            "a column must not be both in the file and in the name of its folder",
            "'unit'",
        )

    def test_files_whose_folders_do_not_say_the_same(self, tmp_path):
        write(tmp_path / "unit=A" / "a.parquet", table(16).drop_columns(["unit"]))
        write(tmp_path / "other" / "a.parquet", table(16).drop_columns(["unit"]))
        refused(tmp_path, "other", "'case_id' and 'unit'", problems=1)

    def test_an_unknown_unit_of_a_folder(self, tmp_path):
        path = tmp_path / "unit=__HIVE_DEFAULT_PARTITION__" / "a.parquet"
        write(path, table(16).drop_columns(["unit"]))
        refused(tmp_path, "unit: every case needs a unit; found 8 null")

    def test_files_read_whole_have_the_same_columns(self, tmp_path):
        write(tmp_path / "a.parquet", table(16))
        write(tmp_path / "b.parquet", table(16).append_column("w", pa.array([1.0] * 16)))
        with pytest.raises(
            oms.DataError, match=r"all files must have the same columns as .* also 'w'"
        ):
            oms.max_t(tmp_path, **WHOLE)


class TestFolders:
    def test_without_files(self, tmp_path):
        (tmp_path / "_notes.parquet").touch()
        refused(tmp_path, "expected a folder of case files; found none. Check the path.")

    def test_with_other_files(self, tmp_path):
        write(tmp_path / "a.parquet", table())
        (tmp_path / "README.txt").touch()
        refused(tmp_path, "'README.txt'", "Move them out")

    def test_of_both_kinds(self, tmp_path):
        write(tmp_path / "a.parquet", table())
        (tmp_path / "a.arrow").touch()
        refused(tmp_path, "'a.parquet', 'a.arrow'", "cases written twice would be counted twice")


class TestDamage:
    def test_parquet_cut_short(self, tmp_path):
        write(tmp_path / "a.parquet", table())
        path = write(tmp_path / "b.parquet", table())
        path.write_bytes(path.read_bytes()[:-50])
        refused(
            tmp_path,
            f"{path}: expected a readable case file",
            "Check that the file exists and is complete",
        )

    def damage(self, path: Path, *places: tuple[int, str]) -> None:
        """Overwrite the beginning of some columns in some row groups."""
        data = bytearray(path.read_bytes())
        metadata = pq.ParquetFile(path).metadata
        for group, name in places:
            column = metadata.row_group(group).column(metadata.schema.names.index(name))
            start = column.dictionary_page_offset or column.data_page_offset
            data[start : start + 10] = b"\xff" * 10
        path.write_bytes(data)

    def test_parquet_damaged_inside(self, tmp_path):
        path = write(tmp_path / "a.parquet", table())
        self.damage(path, (2, "unit"))
        refused(path, f"{path}, row group 2: unit: all cases must be readable", "Repair the source")
        with pytest.raises(oms.DataError, match="row group 2: unit: all cases must be readable"):
            oms.max_t(path, **WHOLE)

    def test_all_columns_that_are_damaged_are_named(self, tmp_path):
        path = write(tmp_path / "a.parquet", table())
        self.damage(path, (1, "q1"), (1, "case_id"), (1, "gender"), (3, "unit"))
        where = f"{path}, row group 1: "
        refused(path, f"{where}case_id: ", f"{where}gender: ", f"{where}q1: ", problems=3)
        refused(path, f"{where}gender: ", f"{where}q1: ", problems=2, check_ids=False)

    def test_a_damaged_column_of_row_groups_read_together(self, tmp_path):
        path = tmp_path / "a.parquet"
        pq.write_table(table(), path, row_group_size=2)
        self.damage(path, (6, "q0"), (7, "q1"))
        where = f"{path}, row group "
        refused(path, f"{where}6: q0: all cases must", f"{where}7: q1: all cases must", problems=2)

    def test_a_damaged_column_that_nobody_asks_for(self, tmp_path):
        path = write(tmp_path / "a.parquet", table().append_column("notes", table()["unit"]))
        self.damage(path, (1, "notes"))
        options = {"breakdowns": BREAKDOWNS, "framework": framework()}
        assert oms.recompute(path, **options).table.equals(oms.recompute(table(), **options).table)

    def write_ipc(self, path: Path, new: Any) -> Path:
        data = table()
        with new(path, data.schema) as writer:
            writer.write_table(data, 8)
        return path

    def test_ipc_cut_short_or_something_else(self, tmp_path):
        path = self.write_ipc(tmp_path / "a.arrow", pa.ipc.new_file)
        whole = path.read_bytes()
        for content in (
            whole[:-40],
            whole[:100],
            b"",
            b"something else, of some length",
        ):
            path.write_bytes(content)
            refused(path, str(path))

    def test_ipc_whose_offsets_lead_out_of_it(self, tmp_path):
        """Offsets are data; followed unseen they end the process."""
        path = self.write_ipc(tmp_path / "a.arrow", pa.ipc.new_file)
        data = bytearray(path.read_bytes())
        offsets = pa.ipc.open_file(path).get_batch(2)["case_id"].buffers()[1].to_pybytes()
        at = bytes(data).find(offsets[:36], len(data) // 2)
        assert at > 0
        data[at + 4 : at + 8] = b"\xff\xff\xff\x7f"
        path.write_bytes(data)
        refused(path, f"{path}, batch ", "all cases must be readable")

    @pytest.mark.parametrize("drop", ["mark", "batch", "bytes"])
    def test_a_stream_cut_short_between_or_within_batches(self, tmp_path, drop):
        path = self.write_ipc(tmp_path / "a.arrows", pa.ipc.new_stream)
        whole = path.read_bytes()
        with pa.BufferReader(whole) as file:
            reader = pa.ipc.open_stream(file)
            reader.read_next_batch()
            first = file.tell()
        keep = {"mark": len(whole) - 8, "batch": first, "bytes": first + 100}[drop]
        path.write_bytes(whole[:keep])
        refused(path, str(path))
        with pytest.raises(oms.DataError):
            oms.max_t(path, **WHOLE)

    def test_a_stream_with_something_after_it(self, tmp_path):
        path = self.write_ipc(tmp_path / "a.arrows", pa.ipc.new_stream)
        path.write_bytes(path.read_bytes() * 2)
        refused(path, "a stream must end with its end mark", "bytes after the end")

    def test_a_reader_that_fails_midway(self):
        data = table()

        def batches() -> Any:
            yield from data.slice(0, 16).to_batches(8)
            raise ConnectionResetError("the engine has gone")

        reader = pa.RecordBatchReader.from_batches(data.schema, batches())
        refused(reader, "RecordBatchReader, batch 2: all cases must be readable", "has gone")

    def test_the_engine_s_own_error_is_kept(self):
        class OwnError(Exception):
            pass

        data = table()

        def batches() -> Any:
            raise OwnError
            yield

        reader = pa.RecordBatchReader.from_batches(data.schema, batches())
        with pytest.raises(oms.DataError, match="OwnError") as caught:
            oms.tally(reader, breakdowns=[Gender()], framework=framework())
        assert isinstance(caught.value.__cause__, OwnError)

    def test_a_file_that_vanishes_between(self, tmp_path):
        write(tmp_path / "a.parquet", table())
        path = write(tmp_path / "b.parquet", table())
        refused(
            tmp_path,
            str(path),
            progress=lambda done, rows: path.unlink() if done == 8 else None,
        )
