"""Text files that aren't quite as usual are read to the same numbers, or refused by line."""

import codecs
import gzip
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqpipe.errors import SavedModelError
from seqpipe.formats import Options, detect_format, read_vectors, read_width

ROWS = "a 0.5 -1.25\nnaïve 1e-3 2\n"
FLORET = "2 2 2 3 1 7 < >\n0 0.5 -1.25\n1 1e-3 2\n"
WORDS = ("a", "naïve")
TABLE = np.array([[0.5, -1.25], [1e-3, 2]], dtype=np.float32)

#: What may be different, and nothing is lost.
LEGAL = {
    "as usual": lambda text: text,
    "blank at the end of lines": lambda text: text.replace("\n", " \n"),
    "two blanks at the end of lines": lambda text: text.replace("\n", "  \n"),
    "tab at the end of lines": lambda text: text.replace("\n", "\t\n"),
    "tab at the end of one line": lambda text: text[:-1] + "\t\n",
    "tabs": lambda text: text.replace(" ", "\t"),
    "tab behind the word": lambda text: re.sub(r"^(\S+) ", "\\1\t", text, flags=re.M),
    "tab and blank behind the word": lambda text: re.sub(r"^(\S+) ", "\\1\t ", text, flags=re.M),
    "two blanks": lambda text: text.replace(" ", "  "),
    "blank before the word": lambda text: re.sub(r"^(?=\D)", " ", text, flags=re.M),
    "blank lines at the end": lambda text: text + "\n\n",
    "white lines at the end": lambda text: text + " \n\t\n",
    "no line break at the end": lambda text: text[:-1],
    "lines of Windows": lambda text: text.replace("\n", "\r\n"),
    "lines of Windows, converted twice": lambda text: text.replace("\n", "\r\r\n"),
    "lines of Windows, no last break": lambda text: text.replace("\n", "\r\n")[:-1],
    "byte order mark": lambda text: "\ufeff" + text,
    "exponents": lambda text: text.replace("0.5", "5E-01").replace("1e-3 2", "1e-3 +2.e0"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("name", LEGAL)
def test_legal_variation_loses_nothing(tmp_path, name, pack):
    path = tmp_path / "vectors"
    for format, text in {"word2vec": f"2 2\n{ROWS}", "glove": ROWS, "floret": FLORET}.items():
        path.write_bytes(pack(LEGAL[name](text).encode()))
        assert (detect_format(path), read_width(path)) == (format, 2)
        file = read_vectors(path)
        if format == "floret":
            np.testing.assert_array_equal(file.rows, TABLE)
        else:
            assert file.words == WORDS
            np.testing.assert_array_equal(file.vectors, TABLE)
            first = read_vectors(path, Options(most_words=1))
            assert first.words == WORDS[:1]
            np.testing.assert_array_equal(first.vectors, TABLE[:1])


#: Before a word in a list, a blank may be a part of it.
@pytest.mark.parametrize("name", [name for name in LEGAL if name != "blank before the word"])
def test_legal_variation_of_a_list_of_words_is_read_alike(tmp_path, name):
    np.save(tmp_path / "table.npy", TABLE)
    words = tmp_path / "words.txt"
    words.write_bytes(LEGAL[name]("a\nnaïve\n").encode())
    assert read_vectors(tmp_path / "table.npy", Options(vocabulary=words)).words == WORDS


#: What can't be read, and what's said of it.
REFUSED = {
    "decimal commas": ("2 2\na 0,5 1,5\nb 1,5 2\n", r":2: b'0,5' .* write it with a point"),
    "decimal commas, no sizes": ("a 0,5 1,5\nb 1,5 2\n", r":1: .* write it with a point"),
    "one decimal comma": ("a 0,5 1\nb 1,5 2\n", r":1: '0,5' stands .* write it with a point"),
    "commas for columns": ("a,0.5,1\n", r":1: .* divided by blanks or tabs"),
    "commas and blanks": ("a, 0.5, 1\n", r":1: '0.5,' stands .* divided by blanks or tabs"),
    "semicolons": ("2 2\na;0.5;1\nb;1;2\n", r":2: 0 columns follow"),
    "hexadecimal": ("2 1\na 0x1p-1\nb 0x1p2\n", r":2: b'0x1p-1' .* write it in decimal"),
    "one hexadecimal": ("a 0x1p-1 1\nb 1 2\n", r":1: '0x1p-1' .* write it in decimal"),
    "another minus": ("a \u22120.5 1\n", ":1: '\u22120.5' stands between"),
    "no-break space": ("a\u00a00.5 1\nb\u00a01 2\n", r":1: '0.5' stands between"),
    "no-break spaces": ("1 2\na\u00a00.5\u00a01\n", r":2: 0 columns follow"),
    "nan": ("2 2\na nan 1\nb 1 2\n", r":2: a number isn't finite.*b'nan'"),
    "inf": ("a 1 2\nb -inf 1\n", r":2: a number isn't finite.*b'-inf'"),
    "too large": ("a 1 2\nb 1 1e39\n", r":2: a number isn't finite in single precision: b'1e39'"),
    "not all as usual": ("2 2\na 1 x\nb 1 2\n", r":2: b'x' stands where a number should"),
    "blank line between": ("2 2\na 1 2\n\nb 1 2\n", r":3: the line is blank"),
    "blank line behind the sizes": ("2 2\n\na 1 2\nb 1 2\n", r":2: the line is blank"),
    "white line between": ("a 1 2\n \t\nb 1 2\n\n", r":2: the line is blank"),
    "blank line at the beginning": ("\na 1 2\n", r":1: the line is blank"),
    "column too few": ("2 2\na 1\nb 1 2\n", r":2: 1 columns follow the word, .* be 2"),
    "column too many": ("2 2\na 1 2 3\nb 1 2\n", r":2: 3 columns follow"),
    "column too many, no word": ("2 2\n 5 3 4\nb 1 2\n", r":2: 3 columns follow"),
    "other width than the sizes say": ("2 3\na 1 2\nb 1 2\n", r":2: 2 columns follow"),
    "no word": (" 1 2 3\nb 1 2 3\n", r":1: no word stands before"),
    "sizes only": ("2 2\n", r":1: .* more than a file of 4 bytes"),
    "sizes only, no line break": ("2 2", r":1: .* more than a file of 3 bytes"),
    "fewer words": ("3 2\na 1 2\nb 1 2\n\n", r"holds 2 words, and its first line says 3"),
    "more words": ("1 2\na 1 2\n\nb 1 2\n", r":3: the line is blank"),
    "more words at once": ("1 2\na 1 2\nb 1 2\n", r":3: the file holds more words"),
    "lines of old Macs": ("a 1 2\rb 1 2\r", r":1: a carriage return"),
    "lines of old Macs, with sizes": ("2 2\ra 1 2\rb 1 2\r", r":1: a carriage return"),
    "carriage return in a line": ("1 2\na 1\rb 1 2\n", r":2: "),
    "empty": ("", r"is empty"),
    "white": (" \n\n", r"is empty"),
    "prose": ("hello world\n", r":1: b'hello world' is neither a word and numbers nor"),
    "JSON": ('{"a": [1, 2]}', r"is JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_text_is_refused_by_line(tmp_path, name):
    text, message = REFUSED[name]
    path = tmp_path / "vectors"
    path.write_bytes(text.encode())
    with pytest.raises(SavedModelError, match=message):
        read_vectors(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_characters_are_refused_by_their_name(tmp_path, encoding):
    path = tmp_path / "vectors"
    path.write_bytes(ROWS.encode(encoding))
    for options in (Options(), Options(format="glove")):
        with pytest.raises(
            SavedModelError, match=rf"text in UTF-{encoding[4:6]}: save it as UTF-8"
        ):
            read_vectors(path, options)


def test_word_may_hold_white_space_that_divides_no_columns(tmp_path):
    path = tmp_path / "vectors"
    path.write_bytes("New\u00a0York 1 2\nin  part 3 4\nx\u2003y\v 5 6\n".encode())
    assert read_vectors(path).words == ("New\u00a0York", "in  part", "x\u2003y\v")


@pytest.mark.parametrize("sizes", ["", "3 2\n"])
def test_word_may_hold_the_word_nan(tmp_path, sizes):
    path = tmp_path / "vectors"
    path.write_text(f"{sizes}chicken nan 3 4\nInf 5 6\n to infinity 7 8\n")
    file = read_vectors(path)
    assert file.words == ("chicken nan", "Inf", "to infinity")
    np.testing.assert_array_equal(file.vectors, [[3, 4], [5, 6], [7, 8]])


def test_text_is_never_read_as_binary_numbers(tmp_path):
    path = tmp_path / "vectors"
    strange = ["a 0,5 1,5", "naïve x y", "a nan nan", "a", "ab 0.5", "a\t0x1p3 7", "- - -"]
    for number, row in enumerate(strange):
        data = f"9 2\n{row}\n{ROWS * 4}".encode()
        for text in (data, data.replace("ï".encode(), b"\xef")):
            path.write_bytes(text)
            for options in (Options(), Options(most_words=1)):
                with pytest.raises(SavedModelError, match=r":2: "):
                    read_vectors(path, options)
            with pytest.raises(SavedModelError, match="holds text, and no binary numbers"):
                read_vectors(path, Options(format="word2vec-binary", most_words=1))
            assert detect_format(path) == "word2vec", number


def test_list_of_words_beside_a_table_is_read_or_refused(tmp_path):
    np.save(tmp_path / "table.npy", TABLE)
    words = tmp_path / "words.txt"
    options = Options(vocabulary=words)
    for text in ("a\nnaïve", "a\r\nnaïve\r\n\r\n", "\ufeffa\nnaïve\n\n \n"):
        words.write_bytes(text.encode())
        assert read_vectors(tmp_path / "table.npy", options).words == WORDS
    for names in (("Windows 7", "Windows 8"), ("a 1", "b nan"), ("a 1 2", "b 3"), ("a", " ")):
        words.write_text("\n".join(names))
        assert read_vectors(tmp_path / "table.npy", options).words == names
    for text, problem in {
        "a\t7\nnaïve\t3\n": "words.txt:1: a tab stands in it",
        "a 7 1\nnaïve 3 0.5\n": "words.txt has 2 numbers behind each word",
        "a\n": "has 2 rows, and .* 1 words",
    }.items():
        words.write_bytes(text.encode())
        with pytest.raises(SavedModelError, match=problem):
            read_vectors(tmp_path / "table.npy", options)
    words.write_bytes(codecs.BOM_UTF16_LE + "a\nb".encode("utf-16-le"))
    with pytest.raises(SavedModelError, match="text in UTF-16"):
        read_vectors(tmp_path / "table.npy", options)


BLANKS = st.text(" \t", max_size=2)
GAPS = st.text(" \t", min_size=1, max_size=3)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(*[st.floats(-(2.0**99), 2.0**99, width=32)] * 3),
        min_size=1,
        max_size=5,
        unique=True,
    ),
    st.data(),
)
def test_any_legal_variation_is_read_to_the_bit(tmp_path_factory, table, data):
    path = tmp_path_factory.getbasetemp() / "unusual.txt"
    with_sizes = data.draw(st.booleans())
    break_ = data.draw(st.sampled_from(["\n", "\r\n"]))
    lines = [f"{len(table)}{data.draw(GAPS)}3"] if with_sizes else []
    for number, row in enumerate(table):
        gaps = [data.draw(GAPS) for _ in row]
        form = data.draw(st.sampled_from(["{!r}", "{:.9e}", "{:+.9g}"]))
        columns = "".join(gap + form.format(x) for gap, x in zip(gaps, row, strict=True))
        lines.append(f"wort\u00a0{number}x{columns}{data.draw(BLANKS)}")
    blank = [data.draw(BLANKS) for _ in range(data.draw(st.integers(0, 2)))]
    text = data.draw(st.sampled_from(["", "\ufeff"])) + break_.join([*lines, *blank])
    # A word with a digit behind white space is refused where only the first line shows the width.
    path.write_bytes((text if with_sizes else text.replace("\u00a0", "_")).encode())
    file = read_vectors(path)
    np.testing.assert_array_equal(file.vectors, np.array(table, dtype=np.float32))
    assert [word[-2:] for word in file.words] == [f"{number}x" for number in range(len(table))]


PIECES = st.sampled_from(
    ["a", "b\u00a0c", "0.5", "-1", "7", "1,5", "0x1p3", "nan", "\u22121", "é", ",", "\r", "\x85"]
)


@settings(max_examples=200)
@given(
    st.lists(
        st.lists(st.tuples(PIECES, st.sampled_from([" ", "\t", "  ", "", "\u00a0"]))), max_size=4
    ),
    st.sampled_from(["", "1 1\n", "2 2\n", "1 3\n"]),
    st.sampled_from([None, "word2vec", "word2vec-binary", "glove"]),
    st.sampled_from([None, 1]),
)
@example([[("a", "\u00a0"), ("0.5", " "), ("0.5", "")]], "", None, None)
def test_no_file_is_read_as_words_that_swallow_numbers(
    tmp_path_factory, lines, sizes, format, most_words
):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    text = sizes + "".join("".join(map("".join, line)) + "\n" for line in lines)
    path.write_bytes(text.encode())
    try:
        file = read_vectors(path, Options(format=format, most_words=most_words))
    except SavedModelError as error:
        assert str(path) in str(error)
        return
    for word, row in zip(file.words, file.vectors, strict=True):
        # "0.5" beside a no-break space is no number: that divides no columns, and stands in words of GloVe's.
        assert not re.search(r"\t| [-+]?[0-9.]+( |$)", word), word
        # Each number stands in the text, and none was made of its bytes.
        assert all(number in (0.5, -1, 7) or str(int(number)) in text for number in row)


def test_word_with_a_tab_in_it_is_refused(tmp_path):
    path = tmp_path / "words.vec"
    path.write_text("a 0.5\nnew\tyork 0.5\n")
    with pytest.raises(SavedModelError, match=r":2: a tab stands in the word"):
        read_vectors(path, Options(format="glove"))
