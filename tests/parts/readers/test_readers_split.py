import os
import subprocess
import sys
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Row, split_folds, split_rows

THIRDS = {"train": 0.8, "dev": 0.1, "test": 0.1}


def make_rows(counts: dict[str, int]) -> list[Row]:
    return [
        Row(f"{label} text {number}", (label,), f"{label}/{number}.txt")
        for label, count in counts.items()
        for number in range(count)
    ]


def normal(text: str) -> str:
    return " ".join(text.split())


COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(3, 40), min_size=1)
SEEDS = st.integers(-(2**40), 2**40)
FRACTIONS = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(
    lambda parts: {f"part {i}": part / sum(parts) for i, part in enumerate(parts)}
)


@st.composite
def repeated_rows(draw: st.DrawFn) -> list[Row]:
    """Rows of which some texts stand there more than once, with other white space."""
    rows = make_rows(draw(COUNTS))
    again = draw(st.lists(st.sampled_from(rows), max_size=10))
    copies = [
        Row(
            row.text.replace(" ", draw(st.sampled_from(["  ", "\n", "\t "]))),
            row.labels,
            f"copy {i}",
        )
        for i, row in enumerate(again)
    ]
    return rows + copies


@given(rows=repeated_rows(), fractions=FRACTIONS, seed=SEEDS)
def test_parts_are_disjoint_and_cover_everything(rows, fractions, seed: int) -> None:
    parts = split_rows(rows, fractions, seed=seed)
    assert list(parts) == list(fractions)
    assert Counter(row for part in parts.values() for row in part) == Counter(rows)


@given(rows=repeated_rows(), seed=SEEDS, order=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_and_parts_makes_no_difference(
    rows, seed: int, order: Random
) -> None:
    shuffled = order.sample(rows, len(rows))
    reordered = dict(reversed(THIRDS.items()))
    assert split_rows(rows, THIRDS, seed=seed) == split_rows(shuffled, reordered, seed=seed)


@given(rows=repeated_rows(), fractions=FRACTIONS, seed=SEEDS)
def test_the_same_text_stands_in_one_part_only(rows, fractions, seed: int) -> None:
    parts = split_rows(rows, fractions, seed=seed)
    texts = [{normal(row.text) for row in part} for part in parts.values()]
    assert sum(map(len, texts)) == len(set().union(*texts))


@given(rows=repeated_rows(), fractions=FRACTIONS, seed=SEEDS)
def test_shares_of_each_class_are_within_one_group(rows, fractions, seed: int) -> None:
    parts = split_rows(rows, fractions, seed=seed)
    totals = Counter(row.labels[0] for row in rows)
    for label, total in totals.items():
        sizes = Counter(normal(row.text) for row in rows if row.labels[0] == label)
        largest = max(sizes.values())
        wanted = {part: total * fraction for part, fraction in fractions.items()}
        had = {part: sum(row.labels[0] == label for row in parts[part]) for part in parts}
        assert min(had.values()) > 0
        if min(wanted.values()) >= largest:
            assert all(abs(had[part] - wanted[part]) < largest + 1e-6 for part in parts)


@given(counts=COUNTS, seed=SEEDS)
def test_fractions_below_one_leave_rows_out(counts: dict[str, int], seed: int) -> None:
    parts = split_rows(make_rows(counts), {"train": 0.4, "test": 0.2}, seed=seed)
    for label, count in counts.items():
        for part, fraction in (("train", 0.4), ("test", 0.2)):
            had = sum(row.labels[0] == label for row in parts[part])
            assert had >= 1
            assert abs(had - count * fraction) < 1 + 1e-6


def test_another_seed_splits_otherwise() -> None:
    rows = make_rows({"a": 50, "b": 50})
    splits = [{row.source for row in split_rows(rows, THIRDS, seed=s)["test"]} for s in range(5)]
    assert len({frozenset(split) for split in splits}) == 5


def test_texts_that_stand_twice_go_to_every_part_as_others_do() -> None:
    rows = make_rows({"a": 40})
    rows += [Row(f"twice {n}", ("a",), f"{copy} of {n}") for n in range(20) for copy in (1, 2)]
    tested = Counter(
        " of " in row.source
        for seed in range(100)
        for row in split_rows(rows, {"train": 0.75, "test": 0.25}, seed=seed)["test"]
    )
    # 100 splits of 40 rows of each kind, a quarter of them for the test.
    assert abs(tested[True] - 1000) < 100
    assert abs(tested[False] - 1000) < 100


def test_this_split_never_changes() -> None:
    parts = split_rows(make_rows({"a": 6, "b": 4}), {"train": 0.5, "test": 0.5}, seed=7)
    assert [row.source for row in parts["test"]] == PINNED


def test_the_hash_seed_of_python_makes_no_difference() -> None:
    code = (
        "from seqpipe.parts.readers import Row, split_folds, split_rows\n"
        "rows = [Row(f'text {n}', (f'{n % 3}', 'x'), str(n)) for n in range(60)]\n"
        "parts = split_rows(rows, {'a': 0.7, 'b': 0.2, 'c': 0.1}, seed=1)\n"
        "print([[row.source for row in part] for part in parts.values()])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_texts_whose_labels_disagree_stay_together() -> None:
    rows = make_rows({"a": 20, "b": 20})
    rows += [Row(f"both {n}", (label,), f"{label}{n}") for n in range(5) for label in "ab"]
    parts = split_rows(rows, THIRDS, seed=0)
    where = {row.source: part for part, its_rows in parts.items() for row in its_rows}
    assert all(where[f"a{n}"] == where[f"b{n}"] for n in range(5))


def test_rows_of_several_labels_are_stratified_by_each() -> None:
    draw = Random(3)
    rows = [
        Row(f"text {n}", tuple(sorted(draw.sample("abcde", draw.choice([1, 2, 3])))), str(n))
        for n in range(300)
    ]
    parts = split_rows(rows, THIRDS, seed=0)
    for label in "abcde":
        total = sum(label in row.labels for row in rows)
        for part, fraction in THIRDS.items():
            had = sum(label in row.labels for row in parts[part])
            assert abs(had - fraction * total) < 6


@pytest.mark.parametrize(("count", "words"), [(1, "1 text "), (2, "2 different texts")])
def test_a_class_too_small_for_every_part_is_named_with_one_of_its_rows(
    count: int, words: str
) -> None:
    with pytest.raises(DataError) as caught:
        split_rows(make_rows({"a": 30, "small": count}), THIRDS, seed=0)
    message = str(caught.value)
    assert '"small"' in message and words in message and "small/" in message
    assert "train, dev, test" in message and "leave it out" in message


def test_copies_of_one_text_do_not_make_a_class_large_enough() -> None:
    rows = make_rows({"a": 30}) + [Row("same", ("b",), f"b/{n}") for n in range(9)]
    with pytest.raises(DataError, match='"b" has 1 text '):
        split_rows(rows, THIRDS, seed=0)


def test_a_label_that_others_keep_out_of_a_part_is_named() -> None:
    # Each text of "y" is there with a rarer label too, all of whose texts must be spread by that label alone.
    rows = [Row(f"{n}", (label,), f"{n}") for n in range(3) for label in ("y", f"x{n}")]
    rows += [Row(f"{n} {m} more", (f"x{n}",), f"{n}") for n in range(3) for m in range(2)]
    found = []
    for seed in range(40):
        try:
            split_rows(rows, {"train": 0.4, "dev": 0.3, "test": 0.3}, seed=seed)
        except DataError as error:
            found.append(str(error))
    assert 0 < len(found) < 40
    assert all('"y" has 3 different texts' in message for message in found)
    assert all("none of them fell to" in message and "another seed" in message for message in found)


@pytest.mark.parametrize(
    "fractions",
    [
        {},
        {"train": 0.8, "test": 0.3},
        {"train": 1.0, "test": 0.0},
        {"train": 1.2, "test": -0.2},
        {"train": float("nan")},
        {"train": float("inf")},
        {"train": True},
        {"train": "0.8"},
        {"": 0.5},
    ],
)
def test_fractions_that_cannot_be_used_are_refused(fractions) -> None:
    with pytest.raises(ConfigError):
        split_rows(make_rows({"a": 9}), fractions, seed=0)


def test_nothing_and_rows_without_a_label_cannot_be_split() -> None:
    with pytest.raises(DataError, match="no rows"):
        split_rows([], THIRDS, seed=0)
    with pytest.raises(DataError, match="here:1 has no label"):
        split_rows([Row("text", (), "here:1")], THIRDS, seed=0)


PINNED = ["a/5.txt", "b/0.txt", "a/3.txt", "a/4.txt", "b/1.txt"]


@given(rows=repeated_rows(), count=st.integers(2, 3), seed=SEEDS)
def test_folds_are_a_stratified_split_in_equal_shares(rows, count: int, seed: int) -> None:
    folds = split_folds(rows, count, seed=seed)
    shares = {f"fold-{index}": 1 / count for index in range(count)}
    assert folds == list(split_rows(rows, shares, seed=seed).values())
    assert Counter(row for fold in folds for row in fold) == Counter(rows)


def test_more_folds_than_different_texts_are_refused():
    rows = make_rows({"a": 3, "b": 3})
    with pytest.raises(DataError, match="6 different texts, too few for 7 folds"):
        split_folds([*rows, *rows], 7, seed=0)
    with pytest.raises(DataError, match=r'class "a" has 3 .* 4 parts fold-0 to fold-3'):
        split_folds([*rows, *rows], 4, seed=0)


@pytest.mark.parametrize("rare", [1, 2])
def test_rare_label_of_rows_with_several_is_no_error(rare: int) -> None:
    rows = [Row(f"text {n}", ("a", "b") if n % 2 else ("a",), f"{n}") for n in range(40)]
    rows += [Row(f"rare {n}", ("a", "rare"), f"rare {n}") for n in range(rare)]
    parts = split_rows(rows, {"train": 0.8, "dev": 0.1, "test": 0.1}, seed=0)
    assert sum(map(len, parts.values())) == len(rows)
    # It's learnt at least.
    assert any("rare" in row.labels for row in parts["train"])
