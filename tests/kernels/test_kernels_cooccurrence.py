"""The training of vectors of what co-occurs in torch: on the CPU it gives what numpy gives, but for rounding."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from cooccurrence_models import CASES, INFERRED, copy_of, make_block, make_model, tables

from seqpipe.kernels.cooccurrence import RoundsInTorch
from seqpipe.native import Block, Cooccurrence, Rounds, aligned_rows
from seqpipe.native._cooccurrence_numpy import RoundsInNumpy

MORE: dict[str, dict[str, Any]] = {
    "one slice after another": {"slices": 1},
    "more slices than there are": {"slices": 100},
    "no skipped words": {"keep": np.ones(23, dtype=np.float32)},
    "steps that are made smaller, with positions": {
        **{"longest": 3.0, "rate": 2.0, **CASES["a mean with positions"]},
    },
    "slices that are left out": {"longest": 1e-3, "rate": 1e30},
}
EVERY = {
    **CASES,
    **MORE,
    **{f"inferred, {name}": given for name, given in INFERRED.items()},
}


def begun(model: Cooccurrence, kind: str) -> Rounds:
    return RoundsInNumpy(model) if kind == "numpy" else RoundsInTorch(model, torch.device("cpu"))


def trained(model: Cooccurrence, kind: str, blocks: list[Block], **options: Any) -> Any:
    """Train a copy of a model; return it and the sums of each block."""
    model = copy_of(model)
    with begun(model, kind) as rounds:
        sums = [rounds.run(block, loss_every=2, **options) for block in blocks]
        rounds.publish()
    return model, sums


@pytest.mark.parametrize("case", EVERY)
def test_it_gives_what_numpy_gives(case: str) -> None:
    model = make_model(**EVERY[case])
    blocks = [make_block(), replace(make_block(), first=24)]
    wanted, wanted_sums = trained(model, "numpy", blocks)
    found, sums = trained(model, "torch", blocks)
    assert any(
        not np.array_equal(*pair) for pair in zip(tables(found), tables(model), strict=True)
    ) or case.endswith("left out")
    for one, other in zip(tables(found), tables(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=5e-5)
    np.testing.assert_allclose(sums, wanted_sums, rtol=1e-4)


@pytest.mark.parametrize("case", ["skip-gram", "a mean", "a tree", "members", "documents"])
def test_measuring_changes_nothing(case: str) -> None:
    model = make_model(**CASES[case])
    _, wanted = trained(model, "numpy", [make_block()], update=False)
    after, sums = trained(model, "torch", [make_block()], update=False)
    for one, other in zip(tables(after), tables(model), strict=True):
        assert np.array_equal(one, other)
    np.testing.assert_allclose(sums, wanted, rtol=1e-4)


def test_without_a_loss_none_is_measured() -> None:
    with begun(copy_of(make_model()), "torch") as rounds:
        assert rounds.run(make_block()).tolist() == [0, 0, 0]


def test_tables_change_when_they_are_published() -> None:
    model = make_model()
    mine = copy_of(model)
    with begun(mine, "torch") as rounds:
        rounds.run(make_block())
        assert np.array_equal(mine.inputs, model.inputs)
        rounds.publish()
    assert not np.array_equal(mine.inputs, model.inputs)


@pytest.mark.parametrize("tokens", [[], [-1, -1, -1], [4], [4, -1, 5, -1]])
def test_texts_without_pairs_teach_nothing(tokens: list[int]) -> None:
    model = make_model(keep=np.ones(23, dtype=np.float32))
    zero = np.zeros(1, dtype=np.int64)
    bounds = np.array([0, len(tokens)])
    block = Block(np.array(tokens, dtype=np.int32), bounds, first=0, done=zero, total=9)
    after, sums = trained(model, "torch", [block])
    assert sums[0].tolist() == [0, 0, 0]
    for one, other in zip(tables(after), tables(model), strict=True):
        assert np.array_equal(one, other)


def test_rounds_that_have_ended_are_refused() -> None:
    with begun(copy_of(make_model()), "torch") as rounds:
        pass
    with pytest.raises(ValueError, match="have ended"):
        rounds.run(make_block())
    with pytest.raises(ValueError, match="have ended"):
        rounds.publish()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="3 rows of inputs for 23 words"):
        begun(replace(make_model(), inputs=aligned_rows(3, 20)), "torch")
    block = make_block()
    with (
        begun(copy_of(make_model()), "torch") as rounds,
        pytest.raises(ValueError, match="word 23"),
    ):
        rounds.run(replace(block, tokens=np.full_like(block.tokens, 23)))


def test_too_little_memory_of_the_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("seqpipe.kernels.cooccurrence._rounds.torch.zeros", refuse)
    with pytest.raises(MemoryError, match="CUDA out of memory"):
        begun(make_model(), "torch")
