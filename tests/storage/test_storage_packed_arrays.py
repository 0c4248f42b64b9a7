"""Arrays in fewer bytes: what comes back, within what their form allows, and what's refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seqpipe.errors import SavedModelError
from seqpipe.storage.packed_arrays import Bytes, Half, Product, from_stored, to_stored
from seqpipe.storage.part_files import read_arrays, write_arrays

FLOATS = st.floats(-1e4, 1e4, width=32)
TABLES = arrays(np.float32, array_shapes(min_dims=2, max_dims=3, max_side=6), elements=FLOATS)


@given(table=TABLES)
def test_half_precision_is_that_of_numpy(table):
    np.testing.assert_array_equal(Half.of(table).unpack(), table.astype(np.float16))


@pytest.mark.parametrize("number", [70_000.0, np.inf, np.nan])
def test_numbers_beyond_half_precision_are_not_packed(number):
    assert Half.of(np.array([[number]], dtype=np.float32)) is None


@given(table=TABLES)
def test_bytes_are_off_by_half_a_step_of_their_row_at_most(table):
    found = Bytes.of(table).unpack()
    assert found.shape == table.shape and found.dtype == np.float32
    largest = np.abs(table).reshape(len(table), -1).max(axis=1)
    error = np.abs(found - table).reshape(len(table), -1).max(axis=1)
    assert (error <= largest / 127 * 0.5001 + 1e-30).all()


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_bytes_have_no_room_for_numbers_that_are_not_finite(number):
    table = np.ones((3, 9), dtype=np.float32)
    table[1, 4] = number
    assert Bytes.of(table) is None


def product(width=3):
    """Return the codes of two rows, of which the second is twice the first in the other order."""
    centroids = np.zeros((2, 256, 2), dtype=np.float16)
    centroids[0, 7], centroids[0, 8] = (1, 2), (3, 4)
    centroids[1, 7], centroids[1, 8] = (5, 6), (7, 8)
    norms = np.zeros(256, dtype=np.float32)
    norms[1], norms[2] = 1, 2
    codes = np.array([[7, 8], [8, 7]], dtype=np.uint8)
    return Product(codes, centroids, np.array([1, 2], np.uint8), norms, np.array([width]))


def test_codes_stand_for_centroids_times_norms():
    expected = [[1, 2, 7], [6, 8, 10]]
    np.testing.assert_array_equal(product().unpack(), expected)
    assert product().unpack().flags.c_contiguous


def test_file_of_packed_arrays_is_read_as_one_of_floats(tmp_path):
    table = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
    given = {"half": table, "bytes": table, "codes": table, "rows": np.arange(3), "plain": table}
    packed = {"half": Half.of(table), "bytes": Bytes.of(table), "codes": product()}
    write_arrays(tmp_path / "a.safetensors", given, packed)
    found = read_arrays(tmp_path / "a.safetensors")
    assert set(found) == set(given)
    assert found["rows"].dtype == np.int64 and found["half"].dtype == np.float32
    np.testing.assert_array_equal(found["plain"], table)
    for name, each in packed.items():
        np.testing.assert_array_equal(found[name], each.unpack())


def stored():
    """Return what a file holds, and its metadata."""
    table = np.ones((4, 6), dtype=np.float32)
    packed = {"half": Half.of(table), "bytes": Bytes.of(table), "codes": product()}
    return to_stored(dict.fromkeys(packed, table), packed)


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("half//values", np.ones((4, 6), np.float32)),
        ("bytes//scales", np.ones(3, np.float32)),
        ("bytes//scales", np.ones((4, 1), np.float32)),
        ("bytes//values", np.ones(4, np.int8)),
        ("bytes//values", np.int8(1)),
        ("codes//codes", np.ones((2, 3), np.uint8)),
        ("codes//codes", np.ones((2, 2), np.int64)),
        ("codes//norm_codes", np.ones(3, np.uint8)),
        ("codes//norms", np.ones(255, np.float32)),
        ("codes//centroids", np.zeros((2, 255, 2), np.float16)),
        ("codes//width", np.array([5])),
        ("codes//width", np.array([2])),
        ("codes//width", np.array([0])),
        ("bytes//scales", np.array([1, 1, np.nan, 1], np.float32)),
        ("codes//norms", np.full(256, np.inf, np.float32)),
        ("codes//centroids", np.full((2, 256, 2), np.nan, np.float16)),
        ("codes//width", np.array([], np.int64)),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(name, damaged):
    arrays_of_file, metadata = stored()
    with pytest.raises(SavedModelError, match=r"a\.safetensors is damaged"):
        from_stored({**arrays_of_file, name: np.asarray(damaged)}, metadata, "a.safetensors")


def test_codes_whose_table_would_be_far_larger_than_the_file_are_refused():
    arrays_of_file, metadata = stored()
    arrays_of_file["codes//codes"] = np.zeros((3_000_000, 1), np.uint8)
    arrays_of_file["codes//norm_codes"] = np.zeros(3_000_000, np.uint8)
    # Three million rows of 30,000 numbers take 360 GB.
    arrays_of_file["codes//centroids"] = np.zeros((1, 256, 30_000), np.float16)
    arrays_of_file["codes//width"] = np.array([30_000])
    with pytest.raises(SavedModelError, match="the codes don't fit the centroids"):
        from_stored(arrays_of_file, metadata, "it")


def test_arrays_that_memory_has_no_room_for_are_an_error_of_the_file(monkeypatch):
    def unpack(self):
        raise MemoryError("Unable to allocate 360. GiB")

    monkeypatch.setattr(Product, "unpack", unpack)
    with pytest.raises(SavedModelError, match=r"it takes more memory than there is.*360"):
        from_stored(*stored(), "it")


@pytest.mark.parametrize(
    "forms", ["[]", "{", '{"half": "float8"}', '{"other": "int8"}', "[" * 9999]
)
def test_metadata_of_something_else_are_refused(forms):
    arrays_of_file, metadata = stored()
    assert list(metadata) == ["seqpipe-packed"] and json.loads(metadata["seqpipe-packed"])
    with pytest.raises(SavedModelError, match="is damaged, or was shrunk by a newer release"):
        from_stored(arrays_of_file, {"seqpipe-packed": forms}, "it")


def test_nothing_packed_is_written_as_before(tmp_path):
    arrays_of_file = {"a": np.ones(3, np.float32)}
    assert to_stored(arrays_of_file, {}) == (arrays_of_file, {})
