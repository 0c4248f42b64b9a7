"""Files that are decompressed as they're read, for whoever reads them: zstd beside what Python always has."""

import bz2
import gzip
import lzma

import pytest

from seqpipe.errors import DataError, SavedModelError
from seqpipe.formats import COMPRESSED_SUFFIXES, READ_FAILURES, open_decompressed, read_vectors
from seqpipe.formats import _compression as compression
from seqpipe.parts.readers import Csv, Folders, Lines

zstd = compression._zstd
PACK = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd.compress,
}
TABLE = b"text,label\na,x\nb,y\n"


@pytest.mark.parametrize("suffix", PACK)
def test_file_is_decompressed_as_its_suffix_says(tmp_path, suffix):
    path = tmp_path / f"rows{suffix.upper()}"
    path.write_bytes(PACK[suffix](b"one\ntwo\n"))
    with open_decompressed(path) as file:
        assert file.read() == b"one\ntwo\n"


def test_every_compression_is_tested():
    assert set(PACK) == {"", *COMPRESSED_SUFFIXES}


@pytest.mark.parametrize("suffix", COMPRESSED_SUFFIXES)
@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"xxxx" + data]
)
def test_damage_is_one_of_the_failures(tmp_path, suffix, damage):
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(damage(PACK[suffix](bytes(range(256)) * 500)))
    with pytest.raises(READ_FAILURES), open_decompressed(path) as file:
        file.read()


def test_frames_of_zstd_follow_each_other(tmp_path):
    path = tmp_path / "rows.zst"
    path.write_bytes(zstd.compress(b"one\n") + zstd.compress(b"two\n"))
    assert list(Lines(str(path)).stream()) == ["one", "two"]


def test_rows_are_read_from_zstd_and_a_cut_file_is_named(tmp_path):
    path = tmp_path / "rows.csv.zst"
    path.write_bytes(zstd.compress(TABLE))
    assert [row.text for row in Csv(str(path)).read().rows] == ["a", "b"]
    path.write_bytes(zstd.compress(TABLE)[:-3])
    with pytest.raises(DataError, match=r"rows\.csv\.zst: it can't be decompressed"):
        Csv(str(path), on_bad_row="skip").read()


def test_cut_file_of_vectors_is_refused(tmp_path):
    path = tmp_path / "vectors.vec.zst"
    path.write_bytes(zstd.compress(b"1 2\nthe 0.5 1\n")[:-3])
    with pytest.raises(SavedModelError, match=r"vectors\.vec\.zst can't be read"):
        read_vectors(path)


def test_without_its_package_zstd_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "texts" / "label" / "one.txt.zst"
    path.parent.mkdir(parents=True)
    path.write_bytes(zstd.compress(b"1 2\nthe 0.5 1\n"))
    monkeypatch.setattr(compression, "_zstd", None)
    install = r'one\.txt\.zst.*zstd needs .*pip install "seqpipe\[zstd\]"'
    with pytest.raises(SavedModelError, match=install):
        read_vectors(path)
    with pytest.raises(DataError, match=install):
        list(Lines(str(path)).stream())
    # Not as rows that are skipped.
    with pytest.raises(DataError, match=install):
        Folders(str(tmp_path / "texts"), pattern="*", on_bad_row="skip").read()
