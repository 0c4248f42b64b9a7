"""From who did what to what each did."""

import random
import tracemalloc
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqpipe.errors import ConfigError, DataError

from seqpipe_item2vec._histories import Histories


@pytest.fixture
def file(tmp_path):
    def write(text, name="taken.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return str(path)

    return write


def read(path, **settings):
    return list(Histories(path, **settings).stream())


def test_items_of_a_user_are_put_together_in_the_files_order(file):
    path = file("user,price,item\nu2,1,b\nu1,2,a\n\nu2,3, a \nu1,4,c\n")
    assert read(path) == [["a", "c"], ["b", "a"]]
    reader = Histories(path)
    assert list(reader.stream()) == list(reader.stream())


@pytest.mark.parametrize(
    "times",
    [
        ("10", "9", "9.5"),
        ("2024-03-01", "2023-12-31T23:59:59Z", "2024-02-28 10:00:00+02:00"),
        ("1e3", "-5", "0"),
    ],
)
def test_items_are_put_in_the_order_of_time(file, times):
    rows = "".join(f"u;{time};{item}\n" for time, item in zip(times, "cab", strict=True))
    path = file("who;when;what\n" + rows)
    settings = {"user": "who", "item": "what", "delimiter": ";"}
    assert read(path, **settings) == [["c", "a", "b"]]
    assert read(path, **settings, time="when") == [["a", "b", "c"]]


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 5)), min_size=1
)


@given(rows=ROWS)
def test_histories_are_those_of_a_dictionary(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("histories") / "taken.csv"
    path.write_text("user,item,time\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
    expected = defaultdict(list)
    for user, item, _ in sorted(rows, key=lambda row: row[2]):
        expected[user].append(item)
    assert read(str(path), time="time") == [expected[user] for user in sorted(expected)]


def test_rows_are_not_kept_in_memory(file):
    rows = random.Random(1).choices(range(20_000), k=20_000)
    path = file("user,item\n" + "".join(f"user number {n},item number {n}\n" for n in rows))
    tracemalloc.start()
    count = sum(len(items) for items in Histories(path).stream())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 500_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'the header names "user" 0 times.* it has no names'),
        ("user,thing\na,b\n", 'csv:1: the header names "item" 0 times.* it has user, thing'),
        ("user,user,item,time\n", 'the header names "user" 2 times'),
        ("user,item,time\n", "holds no rows"),
        ("user,item,time\na,b,1\na,,2\n", 'csv:3: there\'s nothing in the column "item"'),
        ("user,item,time\na\n", 'csv:2: there\'s nothing in the column "item"'),
        ("user,item,time\na,b,noon\n", "csv:2: 'noon' isn't a time"),
        ("user,item,time\na,b,nan\n", "csv:2: 'nan' isn't a time"),
        ('user,item,time\na,"b,1\n', "can't be read: unexpected end of data"),
    ],
)
def test_what_cant_be_read_is_told_with_its_line(file, text, message):
    with pytest.raises(DataError, match=message):
        read(file(text), time="time")


@pytest.mark.parametrize("settings", [{"path": ""}, {"item": "user"}, {"delimiter": ",,"}])
def test_settings_that_cant_be_used_are_refused(settings):
    with pytest.raises(ConfigError):
        Histories(**({"path": "a.csv"} | settings))
