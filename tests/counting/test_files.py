"""Cases that go by in parts count as cases read at once."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import BREAKDOWNS, LEVELS, Gender, framework, random_frame

import omistats as oms

# Internal: results do not depend on the size of parts, which only tests choose.
from omistats.model import batches, duplicate_ids, files


@pytest.fixture(autouse=True, scope="module")
def small_parts():
    """Make parts so small that small data have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ROWS", 16)
        patch.setattr(batches, "ROWS", 16)
        yield


def table(rows: int = 100, seed: int = 1, coded: bool = False, **metadata: str) -> pa.Table:
    """Make random cases; coded units have a dictionary in no order of letters."""
    data = random_frame(seed, rows)
    arrays = {name: pa.array(values) for name, values in data.items()}
    for q in range(3):
        arrays[f"q{q}"] = pa.array(data[f"q{q}"], pa.bool_())
    for name in LEVELS:
        arrays[name] = pa.array(data[name], pa.string())
    if coded:
        labels = ["U3", "unused", "U1", "U0", "U2"]
        codes = pa.array([labels.index(u) for u in data["unit"]], pa.int8())
        arrays["unit"] = pa.DictionaryArray.from_arrays(codes, labels)
    return pa.table(arrays).replace_schema_metadata(metadata or None)


def at_once(data: Any, by: str | None = "unit", **options: Any) -> oms.Findings:
    cases = oms.CaseSet.from_data(data, framework=framework(3))
    return oms.recompute(cases, by=by, **{"breakdowns": BREAKDOWNS, **options})


def in_parts(source: Any, by: str | None = "unit", **options: Any) -> oms.Findings:
    options = {"breakdowns": BREAKDOWNS, "framework": framework(3), **options}
    return oms.recompute(source, by=by, **options)


def write_ipc(path: Path, data: pa.Table, rows: int = 23, **options: Any) -> Path:
    written = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_file(path, data.schema, options=written) as writer:
        writer.write_table(data, rows)
    return path


def write_stream(path: Path, data: pa.Table, rows: int = 23) -> Path:
    with pa.ipc.new_stream(path, data.schema) as writer:
        writer.write_table(data, rows)
    return path


def write_parquet(path: Path, data: pa.Table, rows: int = 23) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(data, path, row_group_size=rows)
    return path


class Capsule:
    """What a reader of another library looks like."""

    def __init__(self, data: pa.Table) -> None:
        self._data = data

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._data.to_reader(7).__arrow_c_stream__(requested_schema)


def sources(folder: Path, data: pa.Table) -> dict[str, Any]:
    """Lay the same cases out in every way."""
    for name in ("folder", "ipc", "nested"):
        (folder / name).mkdir()
    for i, start in enumerate(range(0, len(data), 40)):
        part = data.slice(start, 40)
        write_parquet(folder / "folder" / f"part-{i}.parquet", part)
        write_ipc(folder / "ipc" / f"part-{i}.arrow", part)
        write_parquet(folder / "nested" / f"year={i}" / "more" / "part.parquet", part)
    (folder / "folder" / "_SUCCESS").touch()
    (folder / "folder" / ".part-0.parquet.crc").touch()
    return {
        "parquet": write_parquet(folder / "cases.parquet", data),
        "one row group": str(write_parquet(folder / "one.parquet", data, 1000)),
        "small row groups": write_parquet(folder / "small.parquet", data, 5),
        "ipc": write_ipc(folder / "cases.arrow", data),
        "one batch": write_ipc(folder / "one.ipc", data, 1000),
        "compressed": write_ipc(folder / "cases.feather", data, compression="lz4"),
        "ipc stream": write_stream(folder / "cases.arrows", data),
        "ipc stream by content": write_stream(folder / "stream.arrow", data),
        "folder": folder / "folder",
        "folder of ipc": folder / "ipc",
        "nested": folder / "nested",
        "reader": data.to_reader(13),
        "one large batch": data.combine_chunks().to_reader(),
        "capsule": Capsule(data),
        "data set": ds.dataset(folder / "folder"),
        "data set in memory": ds.dataset(data),
    }


KINDS = (
    "parquet",
    "one row group",
    "small row groups",
    "ipc",
    "one batch",
    "compressed",
    "ipc stream",
    "ipc stream by content",
    "folder",
    "folder of ipc",
    "nested",
    "reader",
    "one large batch",
    "capsule",
    "data set",
    "data set in memory",
)


class TestEqualToReadingAtOnce:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("coded", [False, True])
    def test_every_source(self, tmp_path, kind, coded):
        data = table(coded=coded, synthetic="true", made="7")
        for by in ("unit", None):
            folder = tmp_path / str(by)
            folder.mkdir()
            source = sources(folder, data)[kind]
            found, wanted = in_parts(source, by), at_once(data, by)
            assert found.table.equals(wanted.table, check_metadata=True)
            assert found.unclassified.equals(wanted.unclassified)
            assert found.tally.units == wanted.tally.units
            assert found.tally.framework == wanted.tally.framework
        order = ("U3", "U1", "U0", "U2", "all") if coded else ("U0", "U1", "U2", "U3", "all")
        assert at_once(data).tally.units == order

    @pytest.mark.parametrize("kind", ["folder", "ipc stream", "data set", "reader"])
    def test_scores_and_resampling_read_them_whole(self, tmp_path, kind):
        data = table(seed=5)
        items = [oms.Item("1.1", "criterion", "One")]
        asked = [oms.Question(f"q{i}", "?", oms.Link("1.1", "published")) for i in range(3)]
        own = attrs.evolve(framework(3), questions=asked, items=items)
        cases = oms.CaseSet.from_data(data, framework=own)
        found = oms.scores(sources(tmp_path, data)[kind], framework=own, by="unit")
        assert found.table.equals(oms.scores(cases, by="unit").table)

    @settings(max_examples=15)
    @given(st.integers(0, 10**6), st.lists(st.integers(0, 60), max_size=5), st.booleans())
    def test_dictionaries_that_differ_between_batches(self, seed, cuts, by_unit):
        """Codes are resolved by label; units come in order of first appearance."""
        rng = np.random.default_rng(seed)
        data = table(60, seed)
        bounds = sorted({0, 60, *cuts})
        batches = []
        for start, stop in pairwise(bounds):
            piece = data.slice(start, stop - start)
            for name in ("unit", "gender", "tier"):
                labels = sorted({v for v in data[name].to_pylist() if v is not None})
                labels = rng.permutation(labels).tolist()
                codes = [None if v is None else labels.index(v) for v in piece[name].to_pylist()]
                coded = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), labels)
                piece = piece.set_column(piece.column_names.index(name), name, coded)
            batches += piece.combine_chunks().to_batches()
        by = "unit" if by_unit else None
        wanted = at_once(pa.Table.from_batches(batches), by)
        reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
        assert in_parts(reader, by).table.equals(wanted.table)

    def test_dictionaries_of_one_file_that_differ(self, tmp_path):
        one, other = table(20, 1, coded=True), table(20, 2)
        labels = pa.array(["U2", "U9", "U0", "U1", "U3"])
        codes = [labels.to_pylist().index(u) for u in other["unit"].to_pylist()]
        coded = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), labels)
        other = other.set_column(1, "unit", coded)
        other = other.set_column(0, "case_id", pa.array(range(100, 120)))
        both = pa.concat_tables([one.slice(0, 1), other])
        (tmp_path / "folder").mkdir()
        write_parquet(tmp_path / "folder" / "a.parquet", one.slice(0, 1))
        write_parquet(tmp_path / "folder" / "b.parquet", other)
        wanted = at_once(both)
        assert in_parts(tmp_path / "folder").table.equals(wanted.table)
        with pa.ipc.new_stream(tmp_path / "c.arrows", both.schema) as writer:
            writer.write_table(both)
        assert in_parts(tmp_path / "c.arrows").table.equals(wanted.table)

    def test_a_folder_named_after_its_unit(self, tmp_path):
        data = table(90).set_column(1, "unit", pa.array([f"0{i % 3}/a b" for i in range(90)]))
        ds.write_dataset(
            data,
            tmp_path / "cases",
            format="parquet",
            partitioning=ds.partitioning(
                pa.schema([("unit", pa.string()), ("gender", pa.string())]), flavor="hive"
            ),
        )
        assert in_parts(tmp_path / "cases").table.equals(at_once(data).table)
        assert oms.recompute(
            tmp_path / "cases", breakdowns=["gender"], questions=[], framework=framework(3)
        ).unclassified.equals(at_once(data, None, breakdowns=["gender"], questions=[]).unclassified)
        given_by_arrow = ds.dataset(tmp_path / "cases", partitioning="hive")
        assert in_parts(given_by_arrow).table.equals(at_once(data).table)

    def test_a_data_set_keeps_its_filter(self, tmp_path):
        data = table()
        filtered = ds.dataset(data).filter(ds.field("unit") != "U1")
        wanted = at_once(data.filter(ds.field("unit") != "U1"))
        assert in_parts(filtered).table.equals(wanted.table)

    @pytest.mark.parametrize("by", ["unit", None])
    def test_no_rows_at_all(self, tmp_path, by):
        empty = table().slice(0, 0)
        wanted = at_once(empty, by)
        (tmp_path / "folder").mkdir()
        for i in range(2):
            write_parquet(tmp_path / "folder" / f"{i}.parquet", empty)
        found = [
            tmp_path / "folder",
            write_ipc(tmp_path / "a.arrow", empty),
            write_stream(tmp_path / "a.arrows", empty),
            write_parquet(tmp_path / "a.parquet", empty),
            empty.to_reader(),
            ds.dataset(empty),
        ]
        for source in found:
            assert in_parts(source, by).table.equals(wanted.table), source

    def test_batches_and_files_without_rows_among_others(self, tmp_path):
        data = table(coded=True)
        batches = [data.slice(0, 0), data.slice(0, 50), data.slice(0, 0), data.slice(50)]
        whole = [b for t in batches for b in t.combine_chunks().to_batches()]
        reader = pa.RecordBatchReader.from_batches(data.schema, whole)
        assert in_parts(reader).table.equals(at_once(data).table)
        for i, part in enumerate(batches):
            write_parquet(tmp_path / f"{i}.parquet", part)
        assert in_parts(tmp_path).table.equals(at_once(data).table)

    def test_a_breakdown_that_looks_at_other_columns(self, tmp_path):
        class Asked(oms.Breakdown):
            key = "asked"
            groups = ("asked", "not asked")

            def classify(self, cases):
                known = cases["q2"].is_valid().to_pylist()
                return ["asked" if k else "not asked" for k in known]

        data = table()
        path = write_parquet(tmp_path / "cases.parquet", data)
        options = {"breakdowns": [Asked()], "questions": ["q0"]}
        assert in_parts(path, **options).table.equals(at_once(data, **options).table)

    def test_an_extra_column_as_breakdown(self, tmp_path):
        class Tenure(oms.Breakdown):
            key = "tenure"
            groups = ("owned", "rented")

        data = table().append_column("tenure", pa.array(["owned", "rented", None, "owned"] * 25))
        path = write_parquet(tmp_path / "cases.parquet", data)
        options = {"breakdowns": [Tenure()]}
        assert in_parts(path, **options).table.equals(at_once(data, **options).table)
        path = write_parquet(tmp_path / "less.parquet", table())
        with pytest.raises(oms.UnknownNameError, match="unknown column 'tenure'"):
            in_parts(path, **options)

    def test_weights_read_all_at_once(self, tmp_path):
        data = table().append_column("w", pa.array(np.linspace(1, 2, 100)))
        path = write_parquet(tmp_path / "cases.parquet", data)
        found, wanted = in_parts(path, weight="w"), at_once(data, weight="w")
        assert found.table.equals(wanted.table)

    def test_stratified_tests(self, tmp_path):
        path = write_parquet(tmp_path / "cases.parquet", table())
        cmh = oms.Inference(test="cmh")
        options = {"breakdowns": [Gender()], "inference": cmh}
        wanted = at_once(table(), None, **options)
        assert in_parts(path, None, **options).table.equals(wanted.table)


class TestColumns:
    def test_only_those_that_matter_are_read(self, tmp_path, monkeypatch):
        path = write_parquet(tmp_path / "cases.parquet", table().append_column("x", pa.nulls(100)))
        asked: list[Any] = []
        original = pq.ParquetFile.iter_batches

        def iter_batches(self, *args, columns, **options):
            asked.append(columns)
            return original(self, *args, columns=columns, **options)

        monkeypatch.setattr(pq.ParquetFile, "iter_batches", iter_batches)
        options = {"breakdowns": [Gender()], "questions": ["q1"], "framework": framework(3)}
        oms.tally(path, **options)
        assert asked[0] == ["case_id", "unit", *LEVELS, "q1"]
        asked.clear()
        oms.tally(path, check_ids=False, **options)
        assert asked[0] == ["unit", *LEVELS, "q1"]

    def test_optional_strata_only_if_used(self, tmp_path):
        strata = [oms.Stratum(n, levels, required=n == "gender") for n, levels in LEVELS.items()]
        own = framework(3, strata=strata)
        data = table()
        bad = data.set_column(data.column_names.index("tier"), "tier", pa.array(["9"] * 100))
        path = write_parquet(tmp_path / "cases.parquet", bad)
        oms.tally(path, breakdowns=["gender"], framework=own)
        with pytest.raises(oms.DataError, match="tier: allowed levels"):
            oms.tally(path, breakdowns=["tier"], framework=own)


class TestProgress:
    def test_it_is_told_after_every_part(self, tmp_path):
        data = table()
        for source, total in (
            (write_parquet(tmp_path / "a.parquet", data, 16), 100),
            (write_ipc(tmp_path / "a.arrow", data, 16), 100),
            (write_stream(tmp_path / "a.arrows", data, 16), None),
            (data.to_reader(16), None),
            (ds.dataset(data), 100),
        ):
            told: list[tuple[int, int | None]] = []
            in_parts(source, progress=lambda *now, told=told: told.append(now))
            assert told == [(done, total) for done in (16, 32, 48, 64, 80, 96, 100)]

    def test_what_is_in_memory_is_one_part(self, tmp_path):
        told: list[tuple[int, int | None]] = []
        data = table(12)
        options = {"breakdowns": [Gender()], "framework": framework(3)}
        for source in (data, write_parquet(tmp_path / "a.parquet", data)):
            oms.tally(source, progress=lambda done, rows: told.append((done, rows)), **options)
        assert told == [(12, 12), (12, 12)]

    def test_what_it_raises_comes_through(self):
        def stop(done: int, rows: int | None) -> None:
            raise KeyError("enough")

        with pytest.raises(KeyError, match="enough"):
            in_parts(table().to_reader(10), progress=stop)

    def test_options_are_checked(self):
        with pytest.raises(oms.UsageError, match="`progress` must be a function"):
            in_parts(table().to_reader(), progress=True)
        with pytest.raises(oms.UsageError, match="`check_ids` must be True or False; found 'no'"):
            in_parts(table().to_reader(), check_ids="no")


class TestIds:
    def renumbered(self, ids: list[Any]) -> pa.Table:
        return table(len(ids)).set_column(0, "case_id", pa.array(ids))

    @pytest.mark.parametrize("as_text", [False, True])
    @pytest.mark.parametrize(("first", "second"), [(0, 5), (3, 99), (40, 45), (98, 99)])
    def test_repeated_anywhere(self, tmp_path, as_text, first, second):
        for ids in (list(range(100)), list(reversed(range(100)))):
            ids[second] = ids[first]
            named = [f"case {i:04}" for i in ids] if as_text else ids
            data = self.renumbered(named)
            path = write_parquet(tmp_path / "cases.parquet", data, 16)
            with pytest.raises(oms.DataError, match="case_id: ids must be unique") as caught:
                in_parts(path)
            assert repr(named[first]) in str(caught.value)
            assert "row group" in str(caught.value)
            assert len(in_parts(path, check_ids=False).table) == len(at_once(table()).table)
            with pytest.raises(oms.DataError, match="case_id: ids must be unique"):
                in_parts(data.to_reader(16))

    def test_the_parts_are_named(self, tmp_path):
        ids = list(range(100))
        ids[99] = 3
        path = write_parquet(tmp_path / "cases.parquet", self.renumbered(ids), 16)
        with pytest.raises(oms.DataError) as caught:
            in_parts(path)
        assert f"3 in {path}, row group 0 and {path}, row group 6" in str(caught.value)
        with pytest.raises(oms.DataError) as caught:
            in_parts(self.renumbered(ids).to_reader(16))
        for words in (
            "'RecordBatchReader, batch 0', 'RecordBatchReader, batch 6'",
            "cannot be read again",
        ):
            assert words in str(caught.value)

    def test_equal_digests_of_different_ids_are_no_repetition(self, tmp_path, monkeypatch):
        """With 97 digests for 100 ids some are equal; files are looked at again."""
        whole = duplicate_ids.digests

        def few(ids: pa.Array) -> Any:
            return whole(ids) % np.uint64(97)

        monkeypatch.setattr(duplicate_ids, "digests", few)
        ids = [f"c{i}" for i in np.random.default_rng(1).permutation(100)]
        path = write_parquet(tmp_path / "cases.parquet", self.renumbered(ids), 16)
        assert len(in_parts(path).table)
        ids[90] = ids[7]
        path = write_parquet(tmp_path / "cases.parquet", self.renumbered(ids), 16)
        with pytest.raises(oms.DataError, match=f"more than once: {ids[7]!r} in [^;]*$"):
            in_parts(path)

    def test_ids_in_order_are_not_kept(self):
        def never():
            raise AssertionError("nothing to look at again")
            yield

        watched = duplicate_ids.DuplicateIdDetector(never)
        for start in range(0, 100, 10):
            ids = pa.array([f"c{i:03}" for i in range(start, start + 10)])
            assert watched.add("part", ids)
        # Nor need a part be in order within.
        assert watched.add("part", pa.array(["c103", "c101", "c102"]))
        watched.check()

    def test_a_part_in_which_ids_repeat_is_told(self):
        for ids in (["b", "a", "b"], ["a", "a"], [2, 1, 2]):
            assert not duplicate_ids.DuplicateIdDetector(None).add("part", pa.array(ids))

    @settings(max_examples=50)
    @given(st.lists(st.text(max_size=40), max_size=30), st.integers(0, 5), st.booleans())
    def test_digests_are_of_the_text_alone(self, texts, offset, wide):
        kind = pa.large_string() if wide else pa.string()
        padded = pa.array(["x" * i for i in range(offset)] + texts, kind).slice(offset)
        found = duplicate_ids.digests(padded).tolist()
        alone = [duplicate_ids.digests(pa.array([text]))[0] for text in texts]
        assert found == alone
        assert len(set(found)) == len(set(texts))

    @given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30))
    @settings(max_examples=20)
    def test_whole_numbers_are_their_own_digests(self, numbers):
        found = duplicate_ids.digests(pa.array(numbers, pa.int64()))
        assert found.view(np.int64).tolist() == numbers

    def test_metadata_alone_mark_synthetic_cases_where_ids_are_not_read(self, tmp_path):
        ids = [f"SYN-{i:03}" for i in range(100)]
        data = self.renumbered(ids)
        path = write_parquet(tmp_path / "cases.parquet", data)
        assert in_parts(path).tally.metadata == {b"synthetic": b"true"}
        assert in_parts(path, check_ids=False).tally.metadata == {}


MEASURE = """
    import gc, sys, threading
    import pyarrow.feather as feather
    import pyarrow.parquet as pq
    import omistats as oms
    from omistats.model import batches, files

    files.ROWS = batches.ROWS = 1 << 14
    own = oms.Framework("small", [oms.Question(f"q{i}", "?") for i in range(20)],
                        [oms.Stratum("gender", ("f", "m"))])

    def count(source):
        return oms.tally(source, by="unit", breakdowns=["gender"], framework=own)

    def status(name):
        with open("/proc/self/status", encoding="ascii") as lines:
            return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))

    class Private:
        '''The most memory that is no page of a file, looked at over and over.'''

        def __enter__(self):
            self.most, self.over = status("RssAnon"), threading.Event()
            self.thread = threading.Thread(target=self.watch)
            self.thread.start()
            return self

        def watch(self):
            while not self.over.wait(0.002):
                self.most = max(self.most, status("RssAnon"))

        def __exit__(self, *_):
            self.over.set()
            self.thread.join()

    how, small, large = sys.argv[1:]
    count(small)  # imports, threads and pools of memory are no cost of the larger one
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the high-water mark begins anew at what is there now
    resident, private = status("VmHWM"), status("RssAnon")
    with Private() as seen:
        if how == "parts":
            rows = count(large).cases.sum()
        else:
            ipc = large.endswith(".arrow")
            whole = feather.read_table(large, memory_map=False) if ipc else pq.read_table(large)
            rows = count(whole).cases.sum()
    print(status("VmHWM") - resident, seen.most - private, rows)
"""


def grown(how: str, small: Path, large: Path) -> tuple[int, int, int]:
    """Count a file in a fresh process.

    Returns by how many bytes its memory grew beyond what counting a small one had taken, of
    which private, and the number of cases. Unlike ``ru_maxrss``, which begins at the size of
    the process that starts another, the high-water mark is of that process alone.
    """
    command = [sys.executable, "-c", textwrap.dedent(MEASURE), how, small, large]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    resident, private, rows = map(int, done.stdout.split())
    return resident, private, rows


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Callable[[str], tuple[Path, Path]]:
    """Write a small and a large file of a kind once for all tests of memory."""
    folder = tmp_path_factory.mktemp("memory")
    (folder / "small").mkdir()

    @cache
    def write(name: str) -> tuple[Path, Path]:
        small = TestMemory.write(folder / "small" / name, TestMemory.SMALL)
        return small, TestMemory.write(folder / name, TestMemory.BLOCKS)

    return write


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its own memory")
class TestMemory:
    """Counting a file of 117 MB takes less than half of that beyond what one of a tenth takes.

    The parts have 3 MB each.
    """

    ROWS = 1 << 15
    SMALL, BLOCKS = 2, 20

    @classmethod
    def blocks(cls, number: int) -> Iterator[pa.Table]:
        rng = np.random.default_rng(1)
        answers = {f"q{q}": pa.array(rng.integers(0, 2, cls.ROWS).astype(float)) for q in range(20)}
        for i in range(number):
            ids = pa.array(np.arange(i * cls.ROWS, (i + 1) * cls.ROWS))
            units, genders = ([a, b] * (cls.ROWS // 2) for a, b in ("AB", "fm"))
            yield pa.table({"case_id": ids, "unit": units, "gender": genders, **answers})

    @classmethod
    def write(cls, path: Path, number: int) -> Path:
        blocks = cls.blocks(number)
        first = next(blocks)
        if path.suffix == ".parquet":
            writer: Any = pq.ParquetWriter(path, first.schema)
        elif path.suffix == ".arrow":
            writer = pa.ipc.new_file(path, first.schema)
        else:
            path.mkdir()
            for i, block in enumerate(cls.blocks(number)):
                pq.write_table(block, path / f"{i}.parquet")
            return path
        with writer:
            writer.write_table(first)
            for block in blocks:
                writer.write_table(block)
        return path

    @pytest.mark.parametrize("name", ["cases.parquet", "cases.arrow", "cases"])
    def test_it_does_not_grow_with_the_file(self, written, name):
        small, large = written(name)
        size = self.BLOCKS * next(self.blocks(1)).nbytes
        assert size > 100e6
        assert self.BLOCKS == 10 * self.SMALL
        resident, private, rows = grown("parts", small, large)
        assert rows == self.ROWS * self.BLOCKS
        # An IPC file is mapped: its pages are resident, and the system's to take back.
        assert (private if name.endswith(".arrow") else resident) < 0.5 * size

    @pytest.mark.parametrize("name", ["cases.parquet", "cases.arrow"])
    def test_reading_the_whole_file_would_be_seen(self, written, name):
        small, large = written(name)
        resident, private, _ = grown("whole", small, large)
        size = self.BLOCKS * next(self.blocks(1)).nbytes
        assert (private if name.endswith(".arrow") else resident) > size
