"""Text files, binary ones of word2vec, tables of numpy, floret's and spaCy's vectors."""

import bz2
import gzip
import lzma

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.vectors import Vectors

from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.formats import Options, detect_format, read_vectors, read_width
from seqpipe.formats._compression import _zstd

WORDS = ("the", "naïve", "日本語", "two words", "😀", "1")
TABLE = np.array([[0.5, -1.25, 3], [1, 2, 3], [0, 0, 0], [1e-5, 1e5, 7], [4, 5, 6], [7, 8, 9]])
VECTORS = TABLE.astype(np.float32)


def rows(words=WORDS, table=VECTORS, end=""):
    return [
        f"{word} {' '.join(repr(float(number)) for number in numbers)}{end}"
        for word, numbers in zip(words, table, strict=True)
    ]


def text_of(*lines, break_="\n"):
    return "".join(line + break_ for line in lines).encode()


def binary_of(words=WORDS, table=VECTORS, break_=b""):
    pairs = zip(words, table.astype("<f4"), strict=True)
    body = (word.replace(" ", "_").encode() + b" " + row.tobytes() + break_ for word, row in pairs)
    return f"{len(words)} {table.shape[1]}\n".encode() + b"".join(body)


FILES = {
    "word2vec": text_of("6 3", *rows()),
    "fasttext vec": text_of("6 3", *rows(end=" ")),
    "windows": text_of("6 3", *rows(), break_="\r\n"),
    "no end": text_of("6 3", *rows()).removesuffix(b"\n"),
    "glove": text_of(*rows()),
    "no breaks": binary_of(),
    "breaks": binary_of(break_=b"\n"),
    "no last break": binary_of(break_=b"\n").removesuffix(b"\n"),
}


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lzma.compress, _zstd.compress]
)
@pytest.mark.parametrize("name", FILES)
def test_format_is_detected_by_content_and_file_read(tmp_path, name, pack):
    path = tmp_path / "vectors"
    path.write_bytes(pack(FILES[name]))
    is_binary = "break" in name
    expected = "glove" if name == "glove" else "word2vec-binary" if is_binary else "word2vec"
    assert detect_format(path) == expected
    assert read_width(path) == 3
    file = read_vectors(path)
    words = [word.replace(" ", "_") for word in WORDS] if is_binary else WORDS
    assert file.words == tuple(words)
    np.testing.assert_array_equal(file.vectors, VECTORS)


@pytest.mark.parametrize("name", FILES)
def test_first_words_are_read(tmp_path, name):
    path = tmp_path / "vectors"
    path.write_bytes(FILES[name])
    file = read_vectors(path, Options(most_words=2))
    assert file.words == WORDS[:2]
    np.testing.assert_array_equal(file.vectors, VECTORS[:2])


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t "), min_size=1),
        st.lists(
            st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2
        ),
        min_size=1,
        max_size=8,
    )
)
def test_text_is_read_to_the_bit(tmp_path_factory, vectors):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    table = np.array(list(vectors.values()), dtype=np.float32)
    path.write_bytes(text_of(f"{len(vectors)} 2", *rows(vectors, table)))
    file = read_vectors(path, Options(format="word2vec"))
    assert file.words == tuple(vectors)
    np.testing.assert_array_equal(file.vectors, table)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["2 3", "a 1 2 3", "b 1 2"], ":3: 2 columns follow"),
        (["2 3", "a 1 2 3", "b 1 2 3 4"], ":3: 4 columns follow"),
        (["2 3", "a 1 2 3", "b 1 x 3"], ":3: b'x' stands"),
        (["2 3", "a 1 2 3", "b 1 1.2.3 3"], ":3: b'1.2.3' stands"),
        (["2 3", "a 1 2 3", "b 1  3"], ":3: 2 columns follow"),
        (["2 3", "a 1 2 3", "b 1 nan 3"], ":3: b'nan'|:3: a number isn't finite"),
        (["2 3", "a 1 2 3", "b 1 1e99 3"], ":3: a number isn't finite"),
        (["3 3", "a 1 2 3", "b 1 2 3"], "holds 2 words, and its first line says 3"),
        (
            ["1 3", "a 1 2 3", "b 1 2 3"],
            ":3: the file holds more words than its first line says, 1",
        ),
        (["999999999 300", "a 1 2 3"], "more than a file of"),
        (["0 3", "a 1 2 3"], "0 vectors"),
        (["a 1 2 3", "b 1 2"], ":2: 2 columns|:2: 3 columns"),
    ],
)
def test_text_that_is_damaged_is_refused_by_line(tmp_path, lines, problem):
    path = tmp_path / "damaged.txt"
    path.write_bytes(text_of(*lines))
    with pytest.raises(SavedModelError, match=problem):
        read_vectors(path)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (binary_of()[:-1], "needs 12 bytes, and the file has 11"),
        (binary_of() + b"x", "followed by 1 bytes"),
        (binary_of().replace(b"6 3\n", b"7 3\n"), "word 7, at byte .*, isn't followed by a space"),
        (binary_of().replace(b"6 3\n", b"600000000 3\n"), "says 600000000 vectors"),
        (binary_of(table=np.full((6, 3), np.inf)), "isn't finite"),
        (binary_of(break_=b"\n").replace(b"\n\xe6", b"\xe6"), "isn't followed by a line break"),
    ],
)
def test_binary_file_that_is_damaged_is_refused_by_byte(tmp_path, data, problem):
    path = tmp_path / "damaged.bin"
    path.write_bytes(data)
    with pytest.raises(SavedModelError, match=problem):
        read_vectors(path, Options(format="word2vec-binary"))


@pytest.mark.parametrize("name", ["text", "binary"])
def test_words_of_other_encodings(tmp_path, name):
    path = tmp_path / "latin"
    data = text_of("6 3", *rows()) if name == "text" else binary_of()
    path.write_bytes(data.replace("ï".encode(), b"\xef"))
    with pytest.raises(SavedModelError, match=r"word 2: b'na.xefve' isn't utf-8.*`undecodable`"):
        read_vectors(path)
    assert read_vectors(path, Options(undecodable="replace")).words[1] == "na\ufffdve"
    assert len(read_vectors(path, Options(undecodable="skip")).words) == 5
    assert read_vectors(path, Options(encoding="latin-1")).words[1] == "naïve"


def test_word_that_comes_twice_has_its_first_vector(tmp_path):
    path = tmp_path / "twice.txt"
    path.write_bytes(text_of("a 1 2", "b 3 4", "a 5 6"))
    file = read_vectors(path)
    assert file.words == ("a", "b")
    np.testing.assert_array_equal(file.vectors, [[1, 2], [3, 4]])


def test_progress_is_reported(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(FILES["glove"])
    reports = []
    read_vectors(path, Options(on_fraction=reports.append))
    assert reports and reports == sorted(reports) and reports[-1] == 1


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numpy_table_is_read_with_its_words(tmp_path, kind, order):
    table = np.asarray([[0.5, -1.25], [1, 2]], dtype=kind, order=order)
    np.save(tmp_path / "table.npy", table)
    (tmp_path / "words.txt").write_text("two words\n日本語\n", encoding="utf-8")
    path = tmp_path / "table.npy"
    file = read_vectors(path, Options(vocabulary=tmp_path / "words.txt"))
    assert (file.words, read_width(path)) == (("two words", "日本語"), 2)
    np.testing.assert_array_equal(file.vectors, table.astype(np.float32))
    with pytest.raises(ConfigError, match="vocabulary_path"):
        read_vectors(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:20],
        lambda data: data.replace(b"(6, 3)", b"(9, 9)"),
        lambda data: data.replace(b"<f4", b"|O8"),
        lambda data: data.replace(b"NUMPY\x01", b"NUMPY\x09"),
        lambda data: data.replace(b"'shape'", b"[[[[[[["),
    ],
)
def test_numpy_table_that_is_damaged_is_refused(tmp_path, damage):
    np.save(tmp_path / "table.npy", VECTORS)
    (tmp_path / "words.txt").write_text("\n".join("abcdef"), encoding="utf-8")
    path = tmp_path / "table.npy"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SavedModelError):
        read_vectors(path, Options(vocabulary=tmp_path / "words.txt"))


def test_spacy_vectors_are_read_from_a_pipeline(tmp_path):
    nlp = spacy.blank("xx")
    for word, vector in zip(("the", "naïve", "😀"), VECTORS, strict=False):
        nlp.vocab.set_vector(word, vector)
    nlp.to_disk(tmp_path / "pipeline")
    for folder in (tmp_path / "pipeline", tmp_path / "pipeline" / "vocab"):
        assert (detect_format(folder), read_width(folder)) == ("spacy", 3)
        file = read_vectors(folder)
        assert file.words == ("the", "naïve", "😀")
        np.testing.assert_array_equal(file.vectors, VECTORS[:3])
    (tmp_path / "pipeline" / "vocab" / "key2row").write_bytes(b"\x81\x01\x7f")
    with pytest.raises(SavedModelError, match="key2row is damaged"):
        read_vectors(tmp_path / "pipeline")
    with pytest.raises(SavedModelError, match="neither vectors of spaCy's"):
        read_vectors(tmp_path)


FLORET = {"minn": 2, "maxn": 3, "hash_count": 2, "hash_seed": 2166136261}


def make_floret():
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    return table, Vectors(data=table, mode="floret", name="floret", **FLORET)


def test_floret_text_is_read(tmp_path):
    table, vectors = make_floret()
    header = "20 3 2 3 2 2166136261 < >"
    path = tmp_path / "vectors.floret"
    path.write_bytes(text_of(header, *rows(map(str, range(20)), table, end=" ")))
    assert (detect_format(path), read_width(path)) == ("floret", 3)
    file = read_vectors(path)
    np.testing.assert_array_equal(file.rows, table)
    for word in ("the", "日本語", "a"):
        np.testing.assert_array_equal(file.vectors([word])[0], vectors[word])
    assert not file.vectors([""]).any()
    assert np.isfinite(file.vectors(["\ud800"])).all()


def test_floret_vectors_of_spacy_are_read(tmp_path):
    table, vectors = make_floret()
    nlp = spacy.blank("xx")
    nlp.vocab.vectors = vectors
    nlp.to_disk(tmp_path)
    file = read_vectors(tmp_path)
    np.testing.assert_array_equal(file.rows, table)
    np.testing.assert_array_equal(file.vectors(["the"])[0], vectors["the"])


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("21 3 2 3 2 7 < >", "doesn't hold the rows 0 to 20"),
        ("19 3 2 3 2 7 < >", "doesn't hold the rows 0 to 18"),
        ("20 3 2 3 9 7 < >", "`hash_count` is 9"),
        ("20 3 2 999 2 7 < >", "`max_n` is 999"),
        ("2000000000 3 2 3 2 7 < >", "more than a file of"),
    ],
)
def test_floret_text_that_is_damaged_is_refused(tmp_path, header, problem):
    table, _ = make_floret()
    path = tmp_path / "vectors.floret"
    path.write_bytes(text_of(header, *rows(map(str, range(20)), table)))
    with pytest.raises(SavedModelError, match=problem):
        read_vectors(path)


@pytest.mark.parametrize("data", [b"", b"\n", b"hello", b"hello world\n", b"{}", b"PK\x03\x04"])
def test_file_of_no_known_format_is_refused(tmp_path, data):
    path = tmp_path / "strange"
    path.write_bytes(data)
    with pytest.raises(SavedModelError):
        read_vectors(path)


def test_compressed_file_that_is_cut_is_refused(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(FILES["glove"])[:-9])
    with pytest.raises(SavedModelError, match="can't be read"):
        read_vectors(path, Options(format="glove"))


@pytest.mark.parametrize(
    "options",
    [{"format": "word3vec"}, {"most_words": 0}, {"undecodable": "maybe"}, {"encoding": "utf-16"}],
)
def test_options_are_checked(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        Options(**options)
