"""Damaged files are refused or read: nothing crashes, hangs, or takes a gigabyte."""

import os
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from formats.format_damage import SECONDS, outcomes
from formats.format_examples import make_model, quantize

from seqpipe.errors import SavedModelError
from seqpipe.formats import Options, read_fasttext, read_vectors, write_fasttext

SAMPLES = Path(os.environ.get("SEQPIPE_DATA", "")) / "kv_format_samples"
VECTORS = ("*/*.bin", "*/*.ftz", "*/*.vec", "*/test_glove.txt", "*/*.w2v.txt", "*/*.kv.txt")


def expect_read_or_refused(files, folder, *, each):
    found = list(outcomes(files, folder, each=each))
    assert len(found) == each * len(files)
    assert [outcome for outcome in found if outcome.result not in ("read", "refused")] == []
    assert max(outcome.seconds for outcome in found) < SECONDS
    counts = Counter(outcome.result for outcome in found)
    # Copies differ where it matters, and not everything is refused.
    assert min(counts["read"], counts["refused"]) > len(found) / 20


def test_damaged_files_are_read_or_refused(texts, classifier_file, vectors_file, tmp_path):
    floret = "4 2 2 3 2 7 < >\n" + "".join(f"{row} 0.{row} -1e-2 \n" for row in range(4))
    glove = "".join(f"word{row} 0.{row} -1.5 2e-3\n" for row in range(40))
    (tmp_path / "small.floret").write_text(floret, encoding="utf-8")
    (tmp_path / "small.glove").write_text(glove, encoding="utf-8")
    (tmp_path / "small.vec").write_text(f"40 3\n{glove}", encoding="utf-8")
    row = np.array([0.5, -1.5, 2], dtype="<f4").tobytes()
    words = (b"%d %b" % (number, row) for number in range(40))
    (tmp_path / "small.w2v").write_bytes(b"40 3\n" + b"\n".join(words))
    small = quantize(classifier_file, texts, cutoff=280, qnorm=True)
    files = [vectors_file, classifier_file, small, *sorted(tmp_path.glob("small.*"))]
    folder = tmp_path / "copies"
    folder.mkdir()
    expect_read_or_refused(files, folder, each=30)


@pytest.mark.data
@pytest.mark.skipif(not SAMPLES.is_dir(), reason="$SEQPIPE_DATA has no kv_format_samples")
@pytest.mark.parametrize("each", [3, pytest.param(48, marks=pytest.mark.slow)])
def test_damaged_samples_are_read_or_refused(tmp_path, each):
    files = sorted(path for pattern in VECTORS for path in SAMPLES.glob(pattern))
    assert len(files) >= 20
    expect_read_or_refused(files, tmp_path, each=each)


@pytest.fixture(scope="module")
def model_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.bin"
    write_fasttext(make_model(min_n=1, max_n=2, buckets=5), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("place", "layout", "value", "problem"),
    [
        (4, "<i", 13, "the version, at byte 4, is 13, and can be 11 or 12"),
        (8, "<i", 0, "`dim`, at byte 8, is 0"),
        (32, "<i", 9, "`loss`, at byte 32, is 9"),
        (36, "<i", -1, "`model`, at byte 36, is -1"),
        (40, "<i", 0, "`bucket`, at byte 40, is 0"),
        (48, "<i", 2**30, "`maxn`, at byte 48"),
        (64, "<i", 2**30, "the dictionary, at byte 64, counts 1073741824 entries"),
        (84, "<q", 2**60, "`pruneidx_size`, at byte 84"),
    ],
)
def test_refusal_names_the_field_and_its_place(
    model_bytes, tmp_path, place, layout, value, problem
):
    damaged = bytearray(model_bytes)
    struct.pack_into(layout, damaged, place, value)
    path = tmp_path / "damaged.bin"
    path.write_bytes(damaged)
    with pytest.raises(SavedModelError, match=problem):
        read_fasttext(path)


def test_rows_of_subwords_in_a_model_without_any_are_told_of(model_bytes, tmp_path):
    odd = bytearray(model_bytes)
    struct.pack_into("<i", odd, 48, 0)
    path = tmp_path / "odd.bin"
    path.write_bytes(odd)
    with pytest.warns(
        UserWarning, match="has 5 rows for sub-words, and by its `maxn`, 0, no sub-words"
    ):
        model = read_fasttext(path)
    assert len(model.words) > 0


@pytest.mark.parametrize("share", [0, 0.02, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_file_that_is_cut_is_refused(model_bytes, tmp_path, share):
    path = tmp_path / "cut.bin"
    path.write_bytes(model_bytes[: int(len(model_bytes) * share)])
    with pytest.raises(SavedModelError, match=r"needs|doesn't end|more than"):
        read_fasttext(path)


def test_file_with_more_than_it_says_is_refused(model_bytes, tmp_path):
    path = tmp_path / "long.bin"
    path.write_bytes(model_bytes + b"\0")
    with pytest.raises(SavedModelError, match="followed by 1 bytes"):
        read_fasttext(path)


def test_numbers_must_be_finite(model_bytes, tmp_path):
    path = tmp_path / "nan.bin"
    path.write_bytes(model_bytes[:-4] + struct.pack("<f", float("nan")))
    with pytest.raises(SavedModelError, match=f"at byte {len(model_bytes) - 4}, isn't finite"):
        read_fasttext(path)


@pytest.mark.parametrize("greatest", [1e18, 2e19, 3e38])
def test_norms_and_centroids_whose_products_overflow_are_refused(
    classifier_file, texts, tmp_path, greatest
):
    small = quantize(classifier_file, texts, qnorm=True)
    matrix = read_fasttext(small).input
    data = bytearray(small.read_bytes())
    for values in (matrix.centroids, matrix.norms):
        place = data.index(values.tobytes())
        data[place : place + values.nbytes] = np.full_like(values, greatest).tobytes()
    path = tmp_path / "huge.ftz"
    path.write_bytes(data)
    if greatest < 1e19:
        assert np.isfinite(read_fasttext(path).vectors(["a", "b"])).all()
    else:
        with pytest.raises(
            SavedModelError, match=r"the input norms, at byte \d+, make numbers that"
        ):
            read_fasttext(path)


def test_means_of_great_numbers_are_finite():
    model = make_model(min_n=1, max_n=2, buckets=5)
    model.input.values[:] = 3e38
    found = model.vectors(["the", "unknown"])
    assert np.allclose(found, 3e38)


def test_pickles_are_not_opened(tmp_path):
    path = tmp_path / "gensim.model"
    path.write_bytes(b"\x80\x02cos\nsystem\n")
    with pytest.raises(SavedModelError, match="a pickle"):
        read_vectors(path, Options())
