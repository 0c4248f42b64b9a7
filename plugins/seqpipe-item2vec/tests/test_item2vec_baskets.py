"""One basket per line."""

import csv
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqpipe.errors import ConfigError, DataError

from seqpipe_item2vec._baskets import Baskets

#: What may stand in an item: no line ends, no white space at the ends.
ITEMS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=8
).map(str.strip)


@pytest.fixture
def file(tmp_path):
    def write(content, name="baskets.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def read(path, **settings):
    return list(Baskets(path, **settings).stream())


def test_a_line_is_a_basket(file):
    path = file("\ufeffwhole milk, rolls ,\r\n\r\n ,,\nsoda\nrolls,soda,rolls")
    expected = [["whole milk", "rolls"], ["soda"], ["rolls", "soda"]]
    assert read(path) == expected
    reader = Baskets(path)
    assert list(reader.stream()) == list(reader.stream()) == expected


def test_an_item_may_count_more_than_once(file):
    assert read(file("a,b,a\n"), distinct=False) == [["a", "b", "a"]]


def test_separator_and_quote_are_settings(file):
    assert read(file("a b  a,c\n"), separator=" ") == [["a", "b", "a,c"]]
    assert read(file('"a ""b"", c", d\n')) == [['a "b", c', "d"]]
    assert read(file("'a;b';\"c\n"), separator=";", quote="'") == [["a;b", '"c']]
    assert read(file('5" nail,"\n'), quote=None) == [['5" nail', '"']]


def test_a_compressed_file_is_read(file):
    assert read(file(gzip.compress(b"a,b\nc\n"), "baskets.csv.gz")) == [["a", "b"], ["c"]]


@given(
    baskets=st.lists(
        st.lists(ITEMS.filter(bool), min_size=1, max_size=4, unique=True), min_size=1, max_size=4
    )
)
def test_what_the_module_csv_writes_is_read(tmp_path_factory, baskets):
    text = io.StringIO()
    csv.writer(text).writerows(baskets)
    path = tmp_path_factory.mktemp("baskets") / "written.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    assert read(str(path)) == baskets


def test_readers_with_the_same_settings_are_equal():
    assert Baskets("a.csv") == Baskets("a.csv") != Baskets("a.csv", distinct=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a,b\nc,"d\ne\n', r"baskets\.csv:2 can't be split into items"),
        ('a,"b"c\n', r"baskets\.csv:1 can't be split into items"),
        (b"a,b\n\xff\n", r"baskets\.csv:2: the byte 0xFF"),
        ("\n , \n", "there are no items in it"),
        ("", "there are no items in it"),
        ('"' + "x" * 200_000 + '"', r"baskets\.csv:1 can't be split .* field larger"),
    ],
)
def test_what_cant_be_read_is_told_with_its_line(file, content, message):
    with pytest.raises(DataError, match=message):
        read(file(content))


def test_a_file_that_is_absent_is_told():
    with pytest.raises(DataError, match="isn't there"):
        read("absent.csv")


@pytest.mark.parametrize(
    "settings",
    [{"path": ""}, {"separator": ""}, {"separator": "\n"}, {"quote": "''"}, {"separator": '"'}],
)
def test_settings_that_cant_be_used_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Baskets(**({"path": "a.csv"} | settings))
