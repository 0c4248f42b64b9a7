"""Models and blocks that all trainers of vectors of what co-occurs are tested with."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqpipe.native import (
    Block,
    Cooccurrence,
    Documents,
    Members,
    Negatives,
    Paths,
    aligned_rows,
)

WORDS = 23
WIDTH = 20


def make_block(*, tokens: int = 700, slices: int = 11, seed: int = 0) -> Block:
    """Return slices of random sequences, in which some words come often, and twice in a window."""
    generator = np.random.default_rng(seed)
    numbers = np.minimum(generator.zipf(1.4, tokens) - 1, WORDS - 1).astype(np.int32)
    numbers[generator.random(tokens) < 0.08] = -1
    bounds = np.linspace(0, tokens, slices + 1).astype(np.int64)
    documents = np.searchsorted(np.flatnonzero(numbers < 0), bounds[:-1])
    return Block(
        numbers, bounds, first=8, done=bounds[:-1] + 100, total=tokens + 200, documents=documents
    )


def make_model(*, targets: str = "negatives", drawn: int = 7, **given: Any) -> Cooccurrence:
    generator = np.random.default_rng(1)
    rows, width = given.pop("rows", WORDS), given.pop("width", WIDTH)
    inputs, outputs = aligned_rows(rows, width), aligned_rows(WORDS, width)
    inputs[:, :width] = generator.normal(size=(rows, width)) * 0.3
    outputs[:, :width] = generator.normal(size=(WORDS, width)) * 0.3
    chosen: Negatives | Paths
    if targets == "negatives":
        alias = generator.integers(0, WORDS, WORDS).astype(np.int32)
        share = generator.random(WORDS).astype(np.float32)
        chosen = Negatives(drawn - 2, drawn, given.pop("pool", 30), alias, share)
    else:
        starts = np.concatenate([[0], generator.integers(1, 12, WORDS).cumsum()]).astype(np.int64)
        nodes = generator.integers(0, WORDS - 1, starts[-1]).astype(np.int32)
        chosen = Paths(nodes, generator.integers(0, 2, starts[-1]).astype(np.float32), starts)
    settings: dict[str, Any] = {
        "keep": np.linspace(0.3, 1.2, WORDS).astype(np.float32),
        "window": 4,
        "is_mean": False,
        "rate": 0.1,
        "slices": 4,
        "capacity": 100,
        "seed": 5,
    }
    return Cooccurrence(inputs, outputs, targets=chosen, **{**settings, **given})


def some_members(*, apart: int = 1) -> Members:
    """Return up to six rows for each word, its own and some of fifteen that follow the words' own, so many rows apart."""
    generator = np.random.default_rng(2)
    rows, starts = [], [0]
    for word in range(WORDS):
        rows += [word, *(WORDS + apart * generator.integers(0, 15, generator.integers(0, 6)))]
        starts.append(len(rows))
    return Members(np.array(rows, dtype=np.int32), np.array(starts, dtype=np.int64))


def with_members(*, apart: int = 1, **given: Any) -> dict[str, Any]:
    return {"members": some_members(apart=apart), "rows": WORDS + 15 * apart, **given}


def some_positions(count: int = 8) -> NDArray[np.float32]:
    positions = aligned_rows(count, WIDTH)
    positions[:, :WIDTH] = np.random.default_rng(3).random((count, WIDTH))
    return positions


def some_documents(**given: Any) -> Documents:
    """Return a row for each document of `make_block`."""
    rows = aligned_rows(int(np.count_nonzero(make_block().tokens < 0)) + 1, WIDTH)
    rows[:, :WIDTH] = np.random.default_rng(4).normal(size=(len(rows), WIDTH)) * 0.3
    return Documents(rows, **given)


def copy_of(model: Cooccurrence) -> Cooccurrence:
    """Return a model with tables of its own."""
    positions = None if model.positions is None else copied(model.positions)
    documents = model.documents
    if documents is not None:
        documents = replace(documents, rows=copied(documents.rows))
    return replace(
        model,
        inputs=copied(model.inputs),
        outputs=copied(model.outputs),
        positions=positions,
        documents=documents,
    )


def copied(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy that the kernels take."""
    copy = aligned_rows(*table.shape)
    copy[:] = table
    return copy


def tables(model: Cooccurrence) -> list[NDArray[np.float32]]:
    """Return all that's trained."""
    several = [model.inputs, model.outputs, model.positions]
    several.append(None if model.documents is None else model.documents.rows)
    return [table for table in several if table is not None]


CASES: dict[str, dict[str, Any]] = {
    "skip-gram": {},
    "a large window": {"window": 30},
    "many negatives": {"drawn": 40},
    "one negative": {"drawn": 3},
    "a tree": {"targets": "paths"},
    "a mean": {"is_mean": True},
    "a mean and a tree": {"is_mean": True, "targets": "paths"},
    "a mean with positions": {"is_mean": True, "positions": some_positions()},
    "more positions than tokens": {
        **{"is_mean": True, "positions": some_positions(600), "window": 300},
        **{"keep": np.ones(WORDS, dtype=np.float32)},
    },
    "a mean with frozen rows": {
        **{"is_mean": True, "positions": some_positions()},
        **{"frozen": (np.arange(WORDS) % 3 == 0).astype(np.uint8)},
    },
    "members": with_members(),
    "a mean of members": with_members(is_mean=True),
    # Of 5, 7 and 19 registers of 16 numbers, or more of fewer.
    **{
        f"members of {width} numbers": with_members(width=width, rate=0.02)
        for width in (80, 112, 300)
    },
    "members far apart": with_members(apart=40),
    "members, some frozen": with_members(
        apart=3, frozen=(np.arange(WORDS + 45) % 3 == 0).astype(np.uint8)
    ),
    "members that grow": with_members(longest=2.0, rate=2.0),
    "changes that are all averaged": {"settled": 0.0},
    "changes that are all added": {"settled": 1e9, "rate": 0.01},
    "frozen rows": {"frozen": (np.arange(WORDS) % 3 == 0).astype(np.uint8)},
    "steps that are made smaller": {"longest": 3.0, "rate": 2.0, "settled": 0.0},
    "documents": {"documents": some_documents()},
    "documents and a large window": {"documents": some_documents(), "window": 30},
    "documents and a tree": {"documents": some_documents(), "targets": "paths"},
    "documents, all averaged": {"documents": some_documents(), "settled": 0.0},
    "documents that grow": {"documents": some_documents(), "longest": 3.0, "rate": 2.0},
    "documents alone predict": {"documents": some_documents(with_words=False)},
    "documents alone predict, without a pool": {
        **{"documents": some_documents(with_words=False), "pool": 0},
    },
    "a mean without a pool": {"is_mean": True, "pool": 0},
    "a mean with documents": {"documents": some_documents(), "is_mean": True},
    "a mean with documents and positions": {
        **{"documents": some_documents(), "is_mean": True, "positions": some_positions()},
    },
    "a mean with documents and members": {
        **{"documents": some_documents(), "is_mean": True},
        **{"members": some_members(), "rows": WORDS + 15},
    },
}
INFERRED: dict[str, dict[str, Any]] = {
    "skip-gram": {"documents": some_documents(alone=True)},
    "a document alone": {"documents": some_documents(alone=True, with_words=False)},
    "a mean": {"documents": some_documents(alone=True), "is_mean": True},
    "a mean with positions": {
        **{"documents": some_documents(alone=True), "is_mean": True, "positions": some_positions()},
    },
    "members": {
        **{"documents": some_documents(alone=True), "members": some_members()},
        **{"rows": WORDS + 15},
    },
    "a mean of members": {
        **{"documents": some_documents(alone=True), "members": some_members()},
        **{"rows": WORDS + 15, "is_mean": True},
    },
}
