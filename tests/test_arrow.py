"""The room of Arrow calls: bits, codes and labels, whatever their layout in memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import omistats as oms
from omistats import _arrow
from tests.factories import dirty_bits, frame, framework

answers = st.lists(st.sampled_from([True, False, None]), max_size=140)
labels = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=70)


def bit(words: np.ndarray, case: int) -> bool:
    return bool(int(words[case // 64]) >> (case % 64) & 1)


@given(answers, st.integers(0, 70))
def test_bits_say_who_is_sufficient_and_who_is_applicable(values, offset):
    """Bits under nulls are undefined; a slice starts anywhere; padding is zero."""
    rows = len(values)
    words = _arrow.bitmaps([dirty_bits(values, offset), pa.array(values, pa.bool_())], rows)
    assert words.shape == (4, -(-rows // 64))
    assert words.dtype == np.uint64
    for sufficient, applicable in ((words[0], words[2]), (words[1], words[3])):
        for case in range(64 * words.shape[1]):
            value = values[case] if case < rows else None
            assert bit(applicable, case) == (value is not None)
            assert bit(sufficient, case) == (value is True)


@given(st.lists(st.booleans(), min_size=1, max_size=140), st.integers(0, 9))
def test_an_absent_validity_buffer_means_no_nulls(values, offset):
    array = pa.array([True] * offset + values).slice(offset)
    assert array.buffers()[0] is None
    words = _arrow.bitmaps([array], len(values))
    counts = np.bitwise_count(words).sum(axis=1).tolist()
    assert counts == [sum(values), len(values)]


def test_bits_of_no_columns():
    assert _arrow.bitmaps([], 9).size == 0
    assert _arrow.bitmaps([pa.array([], pa.bool_())], 0).shape == (2, 0)


def test_bits_do_not_change_the_column():
    array = dirty_bits([True, None, False, None, True], 3)
    before = array.to_pylist()
    _arrow.bitmaps([array, array], 5)
    assert array.to_pylist() == before


def layouts(values: list[str | None], offset: int) -> list[pa.Array]:
    """Lay the same labels out in many ways."""
    padded = ["c"] * offset + values
    plain = pa.array(padded, pa.string())
    made = [
        plain,
        plain.cast(pa.large_string()),
        plain.cast(pa.string_view()),
        plain.dictionary_encode(),
        plain.cast(pa.large_string()).dictionary_encode(),
    ]
    # A dictionary with a null, with unused labels, in another order; indices of every width.
    names = ["unused", "c", None, "a", "b"]
    places = [names.index(v) for v in padded]
    for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.uint32(), pa.int64()):
        indices = pa.array(places, kind)
        made.append(pa.DictionaryArray.from_arrays(indices, pa.array(names)))
    # Nulls of the indices over arbitrary numbers.
    holes = np.array([v is None for v in padded], bool)
    dirty = np.where(holes, 100, places).astype(np.int8)
    made.append(
        pa.DictionaryArray.from_arrays(
            pa.array(dirty, mask=holes), pa.array(["unused", "c", "x", "a", "b"]), safe=False
        )
    )
    return [array.slice(offset) for array in made]


@given(labels, st.integers(0, 11))
def test_levels_read_the_same_from_every_layout(values, offset):
    for array in layouts(values, offset):
        coded, offence = _arrow.as_levels(array, ("b", "a", "c"))
        assert offence is None
        assert coded.type == pa.dictionary(pa.int8(), pa.string())
        assert coded.dictionary.to_pylist() == ["b", "a", "c"]
        assert coded.to_pylist() == values
        coded.validate(full=True)


@given(labels, st.integers(0, 11))
def test_unknown_levels_are_those_that_a_case_has(values, offset):
    for array in layouts(values, offset):
        coded, offence = _arrow.as_levels(array, ("a", "z"))
        unknown = sorted(set(values) - {"a", None})
        assert (coded is None) == (offence is not None) == bool(unknown)
        if offence:
            assert offence.values == unknown
            assert offence.rows.tolist() == [v in unknown for v in values]


@given(labels, st.integers(0, 11))
def test_codes_and_names_spell_the_labels(values, offset):
    for array in layouts(values, offset):
        codes, names = _arrow.labels_to_codes(array)
        assert [None if code < 0 else names[code] for code in codes.tolist()] == values


@given(st.lists(st.sampled_from([0, 1, None]), max_size=40), st.integers(0, 9))
def test_numbers_read_as_answers(values, offset):
    for kind in (pa.int8(), pa.uint16(), pa.int64(), pa.float32(), pa.float64()):
        array = pa.array([7] * offset + values, kind).slice(offset)
        found, offence = _arrow.as_answers(array)
        assert offence is None
        assert found.type == pa.bool_()
        assert found.to_pylist() == [None if v is None else v == 1 for v in values]


def test_numbers_that_are_no_answers_are_shown_in_order():
    found, offence = _arrow.as_answers(pa.array([1, 5, None, 0, 2, 5]))
    assert found is None
    assert offence.values == [2, 5]
    assert str(offence) == "2, 5 in 3 rows"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "a", "b", "a", "c"], ["a", "b"]),
        ([10, 9, 10, 9, 1], [9, 10]),
        ([1, 2, 3], []),
        ([1, None, None], []),
        ([], []),
    ],
)
def test_duplicates_in_order_of_value(values, expected):
    assert _arrow.duplicates(pa.array(values)) == expected


@given(st.lists(st.integers(-1, 2), max_size=20))
def test_dictionaries_from_codes(codes):
    found = _arrow.dictionary(np.array(codes, np.int16), ("x", "y", "z"))
    found.validate(full=True)
    assert found.type == pa.dictionary(pa.int16(), pa.string())
    assert found.to_pylist() == [None if c < 0 else "xyz"[c] for c in codes]


class OneArray:
    """Speaks the protocol of a single batch, not of a stream."""

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        batch = pa.table(frame()).combine_chunks().to_batches()[0]
        return batch.__arrow_c_array__(requested_schema)


class OneStream:
    """Speaks the stream protocol and nothing else."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.table(frame()).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("kind", [OneArray, OneStream])
def test_anything_that_speaks_the_capsule_protocol_is_read(kind):
    cases = oms.CaseSet.from_data(kind(), framework=framework())
    assert cases["q0"].to_pylist() == frame()["q0"]


@given(answers, st.integers(0, 70), st.sampled_from([0, 64, 128]))
def test_bits_of_a_stretch_are_those_of_the_whole(values, offset, start):
    start = min(start, len(values) // 64 * 64)
    bits = _arrow.Bitmaps([dirty_bits(values, offset), pa.array(values, pa.bool_())])
    assert bits.rows == 4
    whole, part = bits.read(0, len(values)), bits.read(start, len(values))
    np.testing.assert_array_equal(part, whole[:, start // 64 :])


@given(st.lists(st.integers(0, 6), max_size=12), st.sampled_from([1, 3, 1 << 16]))
def test_duplicates_are_the_same_in_every_type(values, stretch):
    expected = sorted({v for v in values if values.count(v) > 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omistats._arrow.convert._CHUNK", stretch)
        for some in (values, sorted(values), sorted(set(values))):
            known = expected if len(some) == len(values) else []
            assert _arrow.duplicates(pa.array(some, pa.int64())) == known
            assert _arrow.duplicates(pa.array([*some, None], pa.uint8())) == known
            texts = pa.array([*map(str, some)], pa.string())
            assert _arrow.duplicates(texts) == [str(v) for v in known]
            assert _arrow.duplicates(texts.cast(pa.large_string())) == [str(v) for v in known]


def test_nulls_of_a_dictionary_have_an_index_that_others_can_read():
    """Arrow says that what stands under a null is undefined; polars looks at it all the same."""
    made = _arrow.dictionary(np.array([1, -1, 0], np.int8), ["a", "b"])
    assert made.to_pylist() == ["b", None, "a"]
    assert np.frombuffer(made.indices.buffers()[1], np.int8).tolist() == [1, 0, 0]
