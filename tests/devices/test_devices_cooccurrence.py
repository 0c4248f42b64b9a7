"""The training of vectors on a device that isn't the CPU: a pretended one, and a GPU of CUDA's where there is one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cooccurrence_models import CASES, copy_of, make_block, make_model, tables
from pretended_device import pretended_device

from seqpipe.errors import ConfigError
from seqpipe.kernels.cooccurrence import RoundsInTorch
from seqpipe.native._cooccurrence_numpy import RoundsInNumpy
from seqpipe.parts.embedders import FastText2, Word2Vec2

ON_GPU = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there's no GPU of CUDA's"),
]


def check_against_numpy(case: str, device: str) -> None:
    """Check that a device gives what numpy gives."""
    model = make_model(**CASES[case])
    wanted, found = copy_of(model), copy_of(model)
    with RoundsInNumpy(wanted) as rounds:
        sums = rounds.run(make_block(), loss_every=2)
    with RoundsInTorch(found, device) as there:
        others = there.run(make_block(), loss_every=2)
        there.publish()
    for one, other in zip(tables(found), tables(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=5e-5)
    np.testing.assert_allclose(others, sums, rtol=1e-4)


@pytest.mark.parametrize(
    "case",
    [
        *("skip-gram", "a tree", "members", "frozen rows", "steps that are made smaller"),
        *("a mean with positions", "a mean with documents and members"),
    ],
)
def test_a_pretended_device_gives_what_numpy_gives(case: str) -> None:
    with pretended_device() as device:
        check_against_numpy(case, device)


@pytest.mark.parametrize("case", [pytest.param(case, marks=ON_GPU) for case in CASES])
def test_a_gpu_gives_what_numpy_gives(case: str) -> None:
    check_against_numpy(case, "cuda")


TOPICS = [
    ["star", "stars", "planet", "planets", "orbit", "comet"],
    ["bread", "breads", "oven", "ovens", "flour", "yeast"],
]
SMALL: dict[str, Any] = {"width": 12, "min_count": 1, "epochs": 8, "subsample": 1.0}
EMBEDDERS = [Word2Vec2, FastText2]


def sentences(count: int = 3000) -> list[list[str]]:
    generator = np.random.default_rng(0)
    return [generator.choice(TOPICS[number % 2], 6).tolist() for number in range(count)]


@pytest.mark.parametrize("make", [pytest.param(each, marks=ON_GPU) for each in EMBEDDERS])
def test_words_of_a_topic_become_alike_on_a_gpu(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqpipe.parts.cooccurrence._trainer._ROUNDS", 20)
    embedder = make(**SMALL, device="cuda", held_out=0.05)
    embedder.fit(sentences(), seed=1)
    first, second = (embedder.embed(topic) for topic in TOPICS)
    first, second = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, second))
    assert (first @ first.T).mean() > (first @ second.T).mean() + 0.3
    assert embedder.losses[-1].held_out < embedder.losses[0].held_out


@pytest.mark.parametrize("make", EMBEDDERS)
@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_the_cpu_by_its_name_trains_the_same_bytes(
    make: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    results = []
    for device in (None, name):
        embedder = make(**SMALL, device=device)
        embedder.fit(sentences(200), seed=1)
        results.append(embedder.embed(embedder.vocabulary).tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("make", EMBEDDERS)
def test_a_device_that_is_not_there_is_refused_before_texts_are_read(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    # What was trained elsewhere is read here.
    embedder = make(**SMALL, device="cuda")

    def texts() -> Any:
        raise AssertionError
        yield

    for do in (embedder.check_sources, lambda: embedder.fit(texts())):
        with pytest.raises(ConfigError, match='`device` is "cuda", and torch') as caught:
            do()
        assert caught.value.setting == "device"


@pytest.mark.parametrize("make", EMBEDDERS)
@pytest.mark.parametrize("name", ["gpu", "cuda:-1", "", 3])
def test_what_is_no_device_is_refused(make: Any, name: Any) -> None:
    with pytest.raises(ConfigError, match="`device` is") as caught:
        make(device=name)
    assert caught.value.setting == "device"


def test_vectors_that_name_a_device_are_saved_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    embedder = Word2Vec2(**SMALL)
    embedder.fit(sentences(200), seed=1)
    embedder.to_disk(tmp_path)
    other = Word2Vec2(**SMALL, device="cuda")
    other.from_disk(tmp_path)
    assert np.array_equal(other.embed(["star"]), embedder.embed(["star"]))
