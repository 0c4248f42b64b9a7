"""Embedders that are killed in mid-training, and go on from their checkpoints."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.parts.cooccurrence import checkpoints_in
from seqpipe.parts.embedders import FastText2, FitProgress, Word2Vec2

TOPICS = [
    ["star", "stars", "planet", "planets", "orbit", "comet"],
    ["bread", "breads", "oven", "ovens", "flour", "yeast"],
]
SMALL: dict[str, Any] = {"width": 12, "min_count": 1, "epochs": 4, "subsample": 1.0}

#: Trains until it's killed, in the folder that the second argument names.
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from test_embedders_checkpoints import frequent_saves, of_some_size, zipf

with frequent_saves(pieces=1000):
    of_some_size(checkpoint=sys.argv[2], threads=2).fit(
        zipf(), seed=5, on_progress=lambda progress: print(progress.fraction, flush=True)
    )
"""


@contextlib.contextmanager
def frequent_saves(pieces: int) -> Iterator[None]:
    """Have trainings read so many tokens at once, and save after each of these pieces."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("seqpipe.parts.cooccurrence._trainer._AT_ONCE", pieces)
        patched.setattr(
            "seqpipe.parts.embedders._cooccurrence_fit.checkpoints_in",
            functools.partial(checkpoints_in, every=0),
        )
        yield


def zipf() -> list[list[str]]:
    """Return 16,000 words, some of them far more frequent than others."""
    numbers = np.random.default_rng(0).zipf(1.3, (2000, 8)) % 200
    return [[f"word{number}" for number in row] for row in numbers.tolist()]


def of_some_size(**given: Any) -> FastText2:
    return FastText2(width=20, epochs=8, held_out=0.05, **given)


def sentences(count: int = 300, seed: int = 0) -> list[list[str]]:
    generator = np.random.default_rng(seed)
    return [generator.choice(TOPICS[number % 2], 6).tolist() for number in range(count)]


@pytest.fixture
def often() -> Iterator[None]:
    """Have small trainings saved several times in an epoch."""
    with frequent_saves(pieces=300):
        yield


def vectors(embedder: Any) -> bytes:
    content: bytes = embedder.embed([*embedder.vocabulary, "starting"]).tobytes()
    return content


def stop_at(fraction: float) -> Any:
    def on_progress(progress: FitProgress) -> None:
        if progress.fraction >= fraction:
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.skipif(os.name == "nt", reason="there's no SIGKILL")
def test_killed_and_continued_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while float(process.stdout.readline()) < 0.4:
            pass
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    whole, again = of_some_size(), of_some_size(checkpoint=str(tmp_path), threads=1)
    told: list[float] = []
    # Losses are summed up piece by piece.
    with frequent_saves(pieces=1000):
        whole.fit(zipf(), seed=5)
        again.fit(zipf(), seed=5, on_progress=lambda progress: told.append(progress.fraction))
    assert 0.35 < told[0] < 0.9
    assert vectors(again) == vectors(whole)
    assert again.losses == whole.losses


@pytest.mark.parametrize("make", [Word2Vec2, FastText2])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"held_out": 0.1, "standardize": True},
        {"architecture": "cbow", "position_weights": True},
    ],
)
@pytest.mark.usefixtures("often")
def test_one_that_is_interrupted_goes_on(tmp_path: Path, make: Any, given: dict[str, Any]) -> None:
    whole = make(**SMALL, **given)
    whole.fit(sentences(), seed=3)
    embedder = make(**SMALL, **given, checkpoint=str(tmp_path))
    for fraction in (0.2, 0.55, 0.9):
        with pytest.raises(KeyboardInterrupt):
            embedder.fit(sentences(), seed=3, on_progress=stop_at(fraction))
    reports: list[FitProgress] = []
    again = make(**SMALL, **given, checkpoint=str(tmp_path))
    again.fit(iter(sentences()), seed=3, on_progress=reports.append)
    assert vectors(again) == vectors(whole)
    assert again.losses == whole.losses
    assert again.chosen == whole.chosen
    assert reports[0].fraction > 0.8
    assert reports[-1].fraction == 1


@pytest.mark.usefixtures("often")
def test_one_that_goes_on_from_vectors_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    before = Word2Vec2(**SMALL)
    before.fit(sentences())
    more = [["star", "rocket", "planet", "rocket", "orbit"]] * 200
    whole = Word2Vec2(**SMALL, start=before, freeze=True)
    whole.fit(more)
    embedder = Word2Vec2(**SMALL, start=before, freeze=True, checkpoint=str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        embedder.fit(more, on_progress=stop_at(0.5))
    embedder.fit(more)
    assert vectors(embedder) == vectors(whole)


def test_what_has_ended_comes_back_and_makes_place_for_another_text(tmp_path: Path) -> None:
    embedder = Word2Vec2(**SMALL, checkpoint=str(tmp_path / "words"))
    embedder.fit(sentences())
    before = vectors(embedder)
    reports: list[FitProgress] = []
    embedder.fit(sentences(), on_progress=reports.append)
    assert vectors(embedder) == before
    assert [each.fraction for each in reports] == [1]
    embedder.fit(sentences(301))
    assert vectors(embedder) != before


@pytest.mark.usefixtures("often")
def test_an_unfinished_one_of_other_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        FastText2(**SMALL, checkpoint=str(tmp_path)).fit(sentences(), on_progress=stop_at(0.5))
    for given, message in [
        ({"learning_rate": 0.1}, r"`learning_rate` is 0\.045 there and 0\.1 here"),
        ({"max_n": 4}, "the n-grams"),
        ({"min_count": 150}, "the words"),
    ]:
        with pytest.raises(EmbedderError, match=message):
            FastText2(**{**SMALL, **given}, checkpoint=str(tmp_path)).fit(sentences())


def test_a_folder_that_cannot_be_used_is_told_before_texts_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    embedder = Word2Vec2(**SMALL, checkpoint=str(tmp_path / "file"))
    with pytest.raises(EmbedderError, match="no checkpoint can be kept in"):
        embedder.check_sources()
    with pytest.raises(EmbedderError, match="no checkpoint can be kept in"):
        embedder.fit(pytest.fail("it's read") for _ in range(1))
    with pytest.raises(ConfigError, match="`checkpoint` is ''; it must name a folder"):
        Word2Vec2(checkpoint="")
