"""Damaged, linked and changing files: an error that names them, never another count."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from tests.factories import Gender, frame, framework

import omistats as oms

# Internal: results do not depend on the size of parts, which only tests choose.
from omistats.model import batches, files


@pytest.fixture(autouse=True, scope="module")
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ROWS", 8)
        patch.setattr(batches, "ROWS", 8)
        yield


def table(rows: int = 32) -> pa.Table:
    return pa.table(frame(rows))


def write(path: Path, data: pa.Table, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(data, path, row_group_size=8, **options)
    return path


def write_ipc(path: Path, data: pa.Table, compression: str | None = None) -> Path:
    new = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
    with new(path, data.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as out:
        out.write_table(data, 8)
    return path


def count(source: Any, **options: Any) -> oms.Tally:
    return oms.tally(source, breakdowns=[Gender()], framework=framework(), **options)


def refused(source: Any, *words: str, **options: Any) -> None:
    with pytest.raises(oms.DataError) as caught:
        count(source, **options)
    for word in words:
        assert word in str(caught.value), caught.value
    for problem in caught.value.problems:
        assert problem.hint.endswith(".")


def damage(path: Path, old: bytes, new: bytes, last: bool = False) -> Path:
    data = path.read_bytes()
    at = data.rfind(old) if last else data.find(old)
    assert at >= 0
    path.write_bytes(data[:at] + new + data[at + len(old) :])
    return path


class TestText:
    """Text that is not UTF-8 cannot be read as text."""

    @pytest.mark.parametrize("name", ["a.arrow", "a.arrows"])
    @pytest.mark.parametrize("small", [True, False])
    def test_of_ipc(self, tmp_path, monkeypatch, name, small):
        if not small:
            monkeypatch.setattr(batches, "ROWS", 99)
        path = damage(write_ipc(tmp_path / name, table()), b"not high", b"not \xffigh")
        with pytest.raises(oms.DataError, match=r"batch 0: .* column 'harm': Invalid UTF8"):
            oms.tally(path, framework=framework(), breakdowns=["harm"])

    @pytest.mark.parametrize("column", ["unit", "gender", "case_id"])
    def test_of_parquet(self, tmp_path, column):
        data = table()
        place = data.column_names.index(column)
        text = pa.array(["zzzz"] * 32)
        path = tmp_path / "a.parquet"
        options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
        write(path, data.set_column(place, column, text), **options)
        damage(path, b"zzzz", b"zz\xffz")
        refused(path, f"{path}, row group 0: {column}: text must be UTF-8", "Repair the source")

    def test_of_what_is_in_memory(self):
        bad = pa.StringArray.from_buffers(
            2, pa.array(["f", "m"]).buffers()[1], pa.py_buffer(b"\xffm")
        )
        data = table(2)
        place = data.column_names.index("gender")
        for text in (bad, bad.dictionary_encode(), bad.cast(pa.string_view())):
            refused(data.set_column(place, "gender", text), "gender: text must be UTF-8")


class TestBatches:
    @pytest.mark.parametrize("name", ["a.arrow", "a.arrows"])
    def test_the_column_that_does_not_decompress_is_named(self, tmp_path, name):
        path = write_ipc(tmp_path / name, table(), "zstd")
        magic = b"\x28\xb5\x2f\xfd"
        refused(damage(path, magic, b"\0\0\0\0"), f"{path}, batch 0", "column 'case_id'")

    def test_counting_the_rows_is_guarded(self, tmp_path):
        path = write_ipc(tmp_path / "a.arrow", table(), "zstd")
        damage(path, b"\x28\xb5\x2f\xfd", b"\0\0\0\0")
        refused(path, str(path), progress=lambda done, rows: None)
        folder = tmp_path / "folder"
        folder.mkdir()
        refused(path.rename(folder / "a.arrow").parent, "a.arrow", progress=print)


@pytest.mark.parametrize("kind", ["file", "data set", "data sets"])
def test_checksums_of_pages_are_checked(tmp_path, kind):
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    data = table().set_column(0, "case_id", pa.array(np.arange(32) + 7_000_000))
    path = write(tmp_path / "a.parquet", data, write_page_checksum=True, **options)
    one = ds.dataset(path)
    source = {"file": path, "data set": one, "data sets": ds.dataset([one])}[kind]
    assert count(source).cases.sum() == 32
    damage(path, (7_000_003).to_bytes(8, "little"), (7_000_103).to_bytes(8, "little"))
    one = ds.dataset(path)
    source = {"file": path, "data set": one, "data sets": ds.dataset([one])}[kind]
    refused(source, "CRC checksum verification failed", str(path) if kind == "file" else "")


def test_data_sets_of_other_formats_have_none(tmp_path):
    write(tmp_path / "p" / "a.parquet", table())
    write_ipc(tmp_path / "b.arrow", table().slice(0, 0))
    both = ds.dataset([ds.dataset(tmp_path / "p"), ds.dataset(tmp_path / "b.arrow", format="ipc")])
    assert count(both).cases.sum() == 32


@pytest.mark.parametrize("name", ["a.arrow", "z.arrow", "a.arrows", "a.parquet", "c.parquet"])
def test_a_flipped_bit_gives_an_error_of_ours_or_a_result(tmp_path, name):
    """Any other exception fails the test; with checksums a result is the true one."""
    path = tmp_path / name
    if path.suffix == ".parquet":
        write(path, table(), write_page_checksum=name == "c.parquet")
    else:
        write_ipc(path, table(), "zstd" if name == "z.arrow" else None)
    whole, wanted = path.read_bytes(), count(path, by="unit")
    rng = np.random.default_rng(20240501)
    results = 0
    for turn, at in enumerate(rng.integers(len(whole), size=150)):
        data = bytearray(whole)
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        progress = (lambda done, rows: None) if turn % 2 else None
        try:
            found = count(path, by="unit", progress=progress)
        except oms.OmistatsError:
            continue
        results += 1
        if name == "c.parquet":
            assert found.units == wanted.units
            assert (found.k == wanted.k).all()
            assert (found.cases == wanted.cases).all()
    assert 0 < results < 150  # padding may change, cases may not


class TestLinks:
    def halves(self, path: Path) -> tuple[Path, Path]:
        folder, other = path / "cases", path / "elsewhere"
        write(folder / "a.parquet", table().slice(0, 16))
        write(other / "b.parquet", table().slice(16))
        return folder, other

    def test_a_linked_folder_is_followed(self, tmp_path):
        folder, other = self.halves(tmp_path)
        (folder / "link").symlink_to(other, target_is_directory=True)
        assert count(folder).cases.sum() == 32

    def test_a_linked_file_is_followed(self, tmp_path):
        folder, other = self.halves(tmp_path)
        (folder / "b.parquet").symlink_to(other / "b.parquet")
        assert count(folder).cases.sum() == 32

    @pytest.mark.parametrize("target", [".", "inner"])
    def test_a_folder_that_is_there_already(self, tmp_path, target):
        folder, _ = self.halves(tmp_path)
        write(folder / "inner" / "c.parquet", table().slice(16))
        link = folder / "link"
        link.symlink_to(folder / target, target_is_directory=True)
        refused(folder, f"{link}: a folder must not appear twice", "counted twice", check_ids=False)

    def test_a_link_that_leads_nowhere(self, tmp_path):
        folder, _ = self.halves(tmp_path)
        link = folder / "c.parquet"
        link.symlink_to(tmp_path / "gone.parquet")
        refused(folder, f"{link}: ", "a broken link")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_what_is_neither_file_nor_folder(self, tmp_path):
        folder, _ = self.halves(tmp_path)
        os.mkfifo(folder / "pipe.parquet")
        refused(
            folder, "pipe.parquet: expected a file, a folder, or a link to one; found none of these"
        )

    @pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have other rights here")
    def test_a_folder_that_may_not_be_listed(self, tmp_path, monkeypatch):
        folder, _ = self.halves(tmp_path)
        closed = folder / "closed"
        closed.mkdir()
        scan = os.scandir

        def scandir(path: Any) -> Any:  # the superuser may list all folders
            if Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(closed))
            return scan(path)

        monkeypatch.setattr(os, "scandir", scandir)
        refused(folder, f"{closed}: the folder must be readable", "Permission denied")

    def test_notes_of_other_programs_are_skipped(self, tmp_path):
        folder, _ = self.halves(tmp_path)
        for name in ("_notes", ".hidden"):
            (folder / name).symlink_to(tmp_path / "gone")
            write(folder / f"{name}s" / "x.parquet", table())
        assert count(folder).cases.sum() == 16


class TestChanges:
    """A file that is written while it is read gives no count of something else."""

    @pytest.mark.parametrize("name", ["b.parquet", "b.arrow", "b.arrows"])
    def test_before_its_turn(self, tmp_path, name):
        new = write if name == "b.parquet" else write_ipc
        new(tmp_path / f"a{Path(name).suffix}", table(8))
        path = new(tmp_path / name, table(32).slice(8))

        def replace(done: int, rows: int | None) -> None:
            if done == 8:
                new(path, table(24).slice(8))

        refused(tmp_path, f"{path}: a file must not change", progress=replace)

    def test_in_its_turn(self, tmp_path):
        path = write(tmp_path / "a.parquet", table())
        later = write(tmp_path / "later" / "a.parquet", table(40))

        def replace(done: int, rows: int | None) -> None:
            if done == 16:
                later.replace(path)

        refused(path, f"{path}: a file must not change", progress=replace)

    def test_in_a_data_set(self, tmp_path):
        write(tmp_path / "a.parquet", table(8))
        path = write(tmp_path / "b.parquet", table(32).slice(8))

        def replace(done: int, rows: int | None) -> None:
            write(path, table(24).slice(8))

        refused(ds.dataset(tmp_path), "b.parquet: a file must not change", progress=replace)

    def test_rows_tell_where_size_and_time_do_not(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "file_stamps", lambda path: {})
        write(tmp_path / "a.parquet", table(8))
        path = write(tmp_path / "b.parquet", table(32).slice(8))

        def replace(done: int, rows: int | None) -> None:
            if done == 8:
                write(path, table(24).slice(8))

        refused(tmp_path, f"{path}: ", "16 rows where there were 24", progress=replace)


class TestReaders:
    def test_a_reader_given_twice(self):
        reader = table().to_reader(8)
        assert count(reader).cases.sum() == 32
        refused(reader, "RecordBatchReader: a reader can be read only once", "Create a new reader")
        with pytest.raises(oms.DataError, match="Create a new reader"):
            oms.max_t(reader, breakdowns=[Gender()], framework=framework(), permutations=9)

    def test_a_reader_whose_count_was_stopped(self):
        reader = table().to_reader(8)

        def stop(done: int, rows: int | None) -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            count(reader, progress=stop)
        refused(reader, "a reader that has been read already")

    def test_readers_without_cases_are_counted(self):
        """Of a table without rows Arrow makes a reader without batches, as DuckDB does."""
        empty = table().slice(0, 0)
        batch = pa.RecordBatch.from_pylist([], schema=empty.schema)
        for given in ([], [batch]):
            assert not count(pa.RecordBatchReader.from_batches(empty.schema, given)).cases.sum()
