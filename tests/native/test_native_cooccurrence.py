"""The training of vectors of what co-occurs: C against numpy, and both against the equations."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cooccurrence_models import (
    CASES,
    INFERRED,
    WIDTH,
    WORDS,
    copied,
    copy_of,
    make_block,
    make_model,
    some_documents,
    some_members,
    some_positions,
    tables,
)

from seqpipe.native import (
    Block,
    Cooccurrence,
    Documents,
    Negatives,
    Paths,
    aligned_rows,
    begin_rounds,
)
from seqpipe.native._cooccurrence import _RoundsInC
from seqpipe.native._cooccurrence_numpy import RoundsInNumpy


def trained(model: Cooccurrence, kind: str, **options: Any) -> tuple[Cooccurrence, Any]:
    """Train a copy of a model on a block; return it and the sums."""
    model = copy_of(model)
    threads = options.pop("threads", 1)
    with RoundsInNumpy(model) if kind == "numpy" else begin_rounds(model, threads) as rounds:
        sums = rounds.run(make_block(), loss_every=2, **options)
    return model, sums


@pytest.mark.parametrize("case", CASES)
def test_c_gives_what_numpy_gives(case: str) -> None:
    model = make_model(**CASES[case])
    fast, fast_sums = trained(model, "c")
    slow, slow_sums = trained(model, "numpy")
    assert not np.array_equal(fast.outputs, model.outputs)
    for one, other in zip(tables(fast), tables(slow), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(fast_sums, slow_sums, rtol=1e-4)


@pytest.mark.parametrize("case", INFERRED)
def test_documents_are_inferred_while_all_else_stays(case: str) -> None:
    model = make_model(**INFERRED[case])
    for table in (model.inputs, model.outputs, model.positions):
        if table is not None:
            table.flags.writeable = False
    results = []
    for kind in ("c", "numpy"):
        assert model.documents is not None
        documents = replace(model.documents, rows=copied(model.documents.rows))
        mine = replace(model, documents=documents)
        with RoundsInNumpy(mine) if kind == "numpy" else begin_rounds(mine, 2) as rounds:
            results.append((documents.rows, rounds.run(make_block(), loss_every=2)))
    (fast, fast_sums), (slow, slow_sums) = results
    assert model.documents is not None
    assert not np.array_equal(fast, model.documents.rows)
    np.testing.assert_allclose(fast, slow, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(fast_sums, slow_sums, rtol=1e-4)


@pytest.mark.parametrize("kind", ["c", "numpy"])
def test_a_document_alone_moves_by_the_gradient_of_its_loss(kind: str) -> None:
    """A tree of two words has one node: 'a' turns to one side, 'b' to the other."""
    model = make_model()
    outputs, rows = aligned_rows(1, WIDTH), aligned_rows(2, WIDTH)
    rows[:, :WIDTH] = np.random.default_rng(0).normal(size=(2, WIDTH))
    outputs[:, :WIDTH] = np.random.default_rng(1).normal(size=WIDTH)
    x, y, o = (row[:WIDTH].astype(np.float64) for row in (*rows, outputs[0]))
    paths = Paths(
        np.zeros(2, dtype=np.int32),
        np.array([1, 0], dtype=np.float32),
        np.array([0, 1, 2], dtype=np.int64),
    )
    ones = np.ones(2, dtype=np.float32)
    documents = Documents(rows, with_words=False)
    model = Cooccurrence(
        aligned_rows(2, WIDTH), outputs, ones, 1, False, paths, 0.5, 1, 4, 0, documents=documents
    )
    zero = np.zeros(1, dtype=np.int64)
    tokens = np.array([0, -1, 1, -1], dtype=np.int32)
    block = Block(tokens, np.array([0, 4]), first=0, done=zero, total=1, documents=zero)
    with RoundsInNumpy(model) if kind == "numpy" else begin_rounds(model, 1) as rounds:
        rounds.run(block)
    for truth, row in ((1, x), (0, y)):
        score = 1 / (1 + np.exp(-(row @ o)))
        before = row.copy()
        row += 0.5 * (truth - score) * o
        o += 0.5 * (truth - score) * before
    np.testing.assert_allclose(rows[:, :WIDTH], [x, y], rtol=1e-5)
    np.testing.assert_allclose(outputs[0, :WIDTH], o, rtol=1e-5)
    assert not model.inputs.any()


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_threads_gives_the_same_bytes(case: str) -> None:
    model = make_model(**CASES[case])
    one, sums = trained(model, "c", threads=1)
    for threads in (2, 3, 8):
        several, others = trained(model, "c", threads=threads)
        for mine, other in zip(tables(several), tables(one), strict=True):
            assert mine.tobytes() == other.tobytes()
        assert np.array_equal(sums, others)


@pytest.mark.parametrize("kind", ["c", "numpy"])
def test_frozen_rows_stay_and_what_lies_beyond_the_width_stays_zero(kind: str) -> None:
    model = make_model(**CASES["frozen rows"])
    after, _ = trained(model, kind)
    frozen = np.arange(WORDS) % 3 == 0
    assert np.array_equal(after.inputs[frozen], model.inputs[frozen])
    assert (after.inputs[~frozen, :WIDTH] != model.inputs[~frozen, :WIDTH]).any(axis=1).all()
    assert not after.inputs[:, WIDTH:].any()


@pytest.mark.parametrize("kind", ["c", "numpy"])
def test_measuring_changes_nothing(kind: str) -> None:
    model = make_model()
    after, sums = trained(model, kind, update=False)
    assert np.array_equal(after.inputs, model.inputs)
    assert np.array_equal(after.outputs, model.outputs)
    assert sums[0] > 0
    assert sums[1] > 0


@pytest.mark.parametrize("kind", ["c", "numpy"])
def test_two_words_move_by_the_gradient_of_their_loss(kind: str) -> None:
    """A tree of two words has one node: 'a' turns to one side, 'b' to the other."""
    inputs, outputs = aligned_rows(2, WIDTH), aligned_rows(1, WIDTH)
    inputs[:, :WIDTH] = np.random.default_rng(0).normal(size=(2, WIDTH))
    outputs[:, :WIDTH] = np.random.default_rng(1).normal(size=WIDTH)
    a, b, o = (row[:WIDTH].astype(np.float64) for row in (*inputs, outputs[0]))
    paths = Paths(
        np.zeros(2, dtype=np.int32),
        np.array([1, 0], dtype=np.float32),
        np.array([0, 1, 2], dtype=np.int64),
    )
    ones = np.ones(2, dtype=np.float32)
    model = Cooccurrence(inputs, outputs, ones, 1, False, paths, 0.5, 1, 3, 0)
    block = Block(
        np.array([0, 1, -1], dtype=np.int32),
        np.array([0, 3], dtype=np.int64),
        first=0,
        done=np.zeros(1, dtype=np.int64),
        total=1,
    )
    with RoundsInNumpy(model) if kind == "numpy" else begin_rounds(model, 1) as rounds:
        loss, pairs, _ = rounds.run(block, loss_every=1)
    # 'a' is predicted from b's row, and then 'b' from a's.
    losses = 0.0
    for truth, x in ((1, b), (0, a)):
        score = 1 / (1 + np.exp(-(x @ o)))
        losses -= np.log(score if truth else 1 - score)
        before = x.copy()
        x += 0.5 * (truth - score) * o
        o += 0.5 * (truth - score) * before
    np.testing.assert_allclose([loss, pairs], [losses, 2], rtol=1e-6)
    np.testing.assert_allclose(inputs[:, :WIDTH], [a, b], rtol=1e-5)
    np.testing.assert_allclose(outputs[0, :WIDTH], o, rtol=1e-5)


def test_without_a_compiler_numpy_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqpipe.native._cooccurrence._has_library", lambda: False)
    with begin_rounds(make_model(), 2) as rounds:
        assert isinstance(rounds, RoundsInNumpy)


def test_with_a_compiler_c_trains() -> None:
    with begin_rounds(make_model(), 2) as rounds:
        assert isinstance(rounds, _RoundsInC)


def test_rounds_that_have_ended_are_refused() -> None:
    with begin_rounds(make_model(), 1) as rounds:
        pass
    with pytest.raises(ValueError, match="have ended"):
        rounds.run(make_block())


NEGATIVES, PATHS = make_model().targets, make_model(targets="paths").targets
assert isinstance(NEGATIVES, Negatives)
assert isinstance(PATHS, Paths)

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another type": ({"keep": np.ones(WORDS)}, "`keep` is float64"),
    "rows of another width": (
        {"inputs": np.zeros((WORDS, WIDTH), dtype=np.float32)},
        "aligned_rows",
    ),
    "too few rows": ({"inputs": aligned_rows(3, WIDTH)}, "3 rows of inputs for 23 words"),
    "a member beyond the table": ({"members": some_members()}, "there's no row for"),
    "no pool": ({"targets": replace(NEGATIVES, pool=0)}, "a pool of 0"),
    "an alias beyond the words": (
        {"targets": replace(NEGATIVES, alias=np.full(WORDS, WORDS, dtype=np.int32))},
        "`alias` has a number",
    ),
    "a node beyond the table": (
        {"targets": replace(PATHS, nodes=np.full_like(PATHS.nodes, WORDS))},
        "`nodes` has a number",
    ),
    "too few positions": ({"positions": some_positions(7)}, "7 positions for a window of 4"),
    "no slices": ({"slices": 0}, "0 slices"),
    "too wide a window": ({"window": 2**40}, "a window of"),
    "no documents": ({"documents": Documents(some_documents().rows[:0])}, "0 documents"),
    "documents of another width": ({"documents": Documents(aligned_rows(9, 50))}, "a table is"),
    "a mean of nothing but documents": (
        {"documents": some_documents(with_words=False), "is_mean": True},
        "a document alone",
    ),
    "too many targets": ({"targets": make_model(drawn=70).targets}, "70 negatives"),
}


WRONG_BLOCKS: dict[str, tuple[dict[str, Any], str]] = {
    "a slice that's too long": (
        {"bounds": np.array([0, 500, 700]), "done": np.zeros(2, dtype=np.int64)},
        "500 tokens",
    ),
    "a word that isn't there": ({"tokens": np.full(700, WORDS, dtype=np.int32)}, "word 23"),
    "slices beyond the tokens": ({"tokens": np.zeros(60, dtype=np.int32)}, "60 tokens"),
    "no documents": ({"documents": None}, "`documents` is None"),
    "documents of another type": ({"documents": np.zeros(11)}, r"`documents` is float64 \[11\]"),
    "documents of too few slices": ({"documents": np.zeros(3, dtype=np.int64)}, r"int64 \[3\]"),
    "a document before the first": ({"documents": np.full(11, -1)}, "documents -1 to"),
    "a document beyond the table": ({"documents": np.full(11, 56)}, "documents 56 to"),
}


@pytest.mark.parametrize("case", WRONG_BLOCKS)
def test_a_block_that_does_not_fit_is_refused(case: str) -> None:
    given, message = WRONG_BLOCKS[case]
    model = make_model(documents=some_documents())
    with begin_rounds(model, 1) as rounds, pytest.raises(ValueError, match=message):
        rounds.run(replace(make_block(), **given))


@pytest.mark.parametrize("case", WRONG)
def test_what_c_would_read_beyond_the_end_of_is_refused(case: str) -> None:
    given, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        begin_rounds(replace(make_model(), **given), 1)
