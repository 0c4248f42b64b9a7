"""Trainings that are stopped, and go on from their checkpoints."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqpipe import storage
from seqpipe.errors import EmbedderError, SavedModelError
from seqpipe.native import Members
from seqpipe.parts.cooccurrence import (
    Corpus,
    Start,
    Trained,
    Training,
    checkpoints_in,
    read_corpus,
    read_known,
    train,
)
from seqpipe.parts.cooccurrence._checkpoints import State

TRAINING = Training(width=10, epochs=3, subsample=0.1, learning_rate=0.1)
WORDS = ["stars", "planet", "orbit", "comet", "moon", "bread", "oven", "flour", "yeast", "crust"]


class Stop(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture(autouse=True)
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a small corpus trained in several pieces."""
    monkeypatch.setattr("seqpipe.parts.cooccurrence._trainer._AT_ONCE", 400)


def sentences(count: int = 150, seed: int = 0) -> list[list[str]]:
    generator = np.random.default_rng(seed)
    return [generator.choice(WORDS[number % 2 * 5 :][:5], 6).tolist() for number in range(count)]


def corpus_of(sequences: Any) -> Corpus:
    return read_corpus(sequences, io.BytesIO(), min_count=lambda words: 1)


def run(
    folder: Path | None, training: Training = TRAINING, *, stop: int | None = None, **given: Any
) -> Trained:
    """Train with a checkpoint at the end of each piece, and stop after so many of them."""
    calls: Iterator[int] = iter(range(10**9))

    def on_progress(done: float, loss: float | None) -> None:
        if next(calls) == stop:
            raise Stop

    given = {"corpus": corpus_of(sentences()), "seed": 1, "on_progress": on_progress, **given}
    if folder is None:
        return train(training=training, **given)
    with checkpoints_in(folder, every=0) as checkpoints:
        return train(training=training, checkpoints=checkpoints, **given)


def run_with_stops(folder: Path, training: Training = TRAINING, **given: Any) -> Trained:
    """Train, and stop after each piece."""
    stops = 0
    while True:
        try:
            # The first call tells where it begins.
            result = run(folder, training, stop=1, **{**given, "threads": 1 + stops % 2})
        except Stop:
            stops += 1
            assert stops < 400
        else:
            assert stops > 2 * len(result.losses)
            return result


def same(first: Trained, second: Trained) -> bool:
    return (
        first.inputs.tobytes() == second.inputs.tobytes()
        and first.outputs.tobytes() == second.outputs.tobytes()
        and (first.losses, first.epoch, first.slowed)
        == (second.losses, second.epoch, second.slowed)
    )


def parts_of_words() -> Members:
    """Return a row for each of the ten words, and five more that each two of them share."""
    rows = [[word, 10 + word // 2] for word in range(10)]
    return Members(np.array(rows, dtype=np.int32).ravel(), 2 * np.arange(11, dtype=np.int64))


def held_out_of(count: int = 40) -> Corpus:
    return read_known(sentences(count, seed=7), corpus_of(sentences()), io.BytesIO())


CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"architecture": "cbow"}, {}),
    ({"architecture": "cbow", "position_weights": True}, {}),
    ({"loss": "hierarchical"}, {}),
    ({}, {"members": parts_of_words()}),
    ({}, {"held_out": held_out_of()}),
    ({"epochs": 40, "patience": 2, "learning_rate": 0.2}, {"held_out": held_out_of()}),
    ({}, {"start": Start(np.array([1, 4]), np.ones((2, 10), dtype=np.float32), frozen=True)}),
    ({"learning_rate": 30.0}, {}),
]
NAMES = [
    "skipgram",
    "cbow",
    "positions",
    "tree",
    "n-grams",
    "held out",
    "patience",
    "start",
    "slowed",
]


@pytest.mark.parametrize(("settings", "given"), CASES, ids=NAMES)
def test_a_training_stopped_after_each_piece_comes_to_the_same_bytes(
    tmp_path: Path, settings: dict[str, Any], given: dict[str, Any]
) -> None:
    training = replace(TRAINING, **settings)
    whole = run(None, training, **given)
    assert same(whole, run_with_stops(tmp_path / "checkpoint", training, **given))
    if "patience" in settings:
        assert whole.epoch < len(whole.losses) < training.epochs
    assert whole.slowed or training.learning_rate < 30


@pytest.mark.parametrize("size", [250, 501])
def test_rounds_of_several_slices_go_on_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("seqpipe.parts.cooccurrence._trainer._SLICES", ((0, 4),))
    corpus = corpus_of(sentences(size))
    whole = run(None, corpus=corpus, threads=2)
    assert same(whole, run_with_stops(tmp_path, corpus=corpus))


@pytest.mark.parametrize("stop", range(1, 10))
def test_it_may_be_stopped_anywhere(tmp_path: Path, stop: int) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=stop)
    assert same(run(None), run(tmp_path))


def test_numpy_goes_on_likewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqpipe.native._cooccurrence._has_library", lambda: False)
    corpus, training = corpus_of(sentences(100)), replace(TRAINING, epochs=2)
    with pytest.raises(Stop):
        run(tmp_path, training, stop=3, corpus=corpus)
    assert same(run(None, training, corpus=corpus), run(tmp_path, training, corpus=corpus))


def test_progress_goes_on_where_it_was(tmp_path: Path) -> None:
    told: list[float] = []
    with pytest.raises(Stop):
        run(tmp_path, stop=5)
    with checkpoints_in(tmp_path) as checkpoints:
        train(
            corpus_of(sentences()),
            TRAINING,
            seed=1,
            checkpoints=checkpoints,
            on_progress=lambda done, loss: told.append(done),
        )
    assert told[0] > 0.3
    assert told == sorted(told)
    assert told[-1] == 1


def test_one_that_has_ended_comes_back_at_once(tmp_path: Path) -> None:
    whole = run(tmp_path, held_out=held_out_of())
    assert same(whole, run(tmp_path, held_out=held_out_of(), stop=0))
    assert not (tmp_path / "state/best").exists()


def test_one_that_has_ended_makes_place_for_another(tmp_path: Path) -> None:
    run(tmp_path)
    assert same(run(None, seed=2), run(tmp_path, seed=2))
    assert same(run(None, seed=2), run(tmp_path, seed=2, stop=0))


def test_nothing_but_one_checkpoint_is_left(tmp_path: Path) -> None:
    run_with_stops(tmp_path / "new/folder", held_out=held_out_of())
    assert [each.name for each in (tmp_path / "new/folder").iterdir()] == ["state"]
    names = sorted(each.name for each in (tmp_path / "new/folder/state").iterdir())
    assert names == ["inputs.npy", "outputs.npy", "seqpipe-manifest.json", "state.json"]


OTHERS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"seed": 2}, "the seed is 1 there and 2 here"),
    ({"learning_rate": 0.2}, {}, "`learning_rate` is 0.1 there and 0.2 here"),
    (
        {"epochs": 4, "window": 2},
        {},
        "`epochs` is 3 there and 4 here; `window` is 5 there and 2 here",
    ),
    ({}, {"corpus": corpus_of(sentences(149))}, "other than there: the text, the words"),
    (
        {},
        {"corpus": corpus_of([*sentences()[:99], *sentences()[:98:-1]])},
        "other than there: the text;",
    ),
    ({}, {"members": parts_of_words()}, "other than there: the n-grams"),
    ({}, {"held_out": held_out_of()}, "other than there: the held-out text;"),
    ({}, {"start": Start(np.array([1]), np.ones((1, 10), dtype=np.float32))}, "to start from;"),
]


@pytest.mark.parametrize(("settings", "given", "message"), OTHERS)
def test_one_of_another_training_is_refused_and_stays(
    tmp_path: Path, settings: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=4)
    with pytest.raises(EmbedderError, match="hasn't ended: ") as caught:
        run(tmp_path, replace(TRAINING, **settings), **given)
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "remove the folder" in str(caught.value)
    assert same(run(None), run(tmp_path))


def test_one_of_another_release_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=4)
    monkeypatch.setattr("seqpipe.parts.cooccurrence._checkpoints._FORMAT", 2)
    with pytest.raises(EmbedderError, match=r"by another release of seqpipe; .*remove the folder"):
        run(tmp_path)


def damage(name: str) -> Any:
    def change(folder: Path) -> None:
        file = folder / name
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    return change


def cut(folder: Path) -> None:
    file = folder / "outputs.npy"
    file.write_bytes(file.read_bytes()[:-1])


def remove(folder: Path) -> None:
    (folder / "inputs.npy").unlink()


@pytest.mark.parametrize(
    "change",
    [
        *map(damage, ["inputs.npy", "outputs.npy", "state.json", "seqpipe-manifest.json"]),
        cut,
        remove,
        lambda folder: (folder / "seqpipe-manifest.json").unlink(),
    ],
)
def test_a_damaged_one_is_refused(tmp_path: Path, change: Any) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=4)
    change(tmp_path / "state")
    with pytest.raises(EmbedderError, match="checkpoint") as caught:
        run(tmp_path)
    assert str(tmp_path) in str(caught.value)


def rewrite(folder: Path, **changes: Any) -> None:
    """Change the state of a checkpoint, and seal it anew."""
    files = {each.name: each.read_bytes() for each in folder.iterdir()}
    saved = json.loads(files["state.json"])
    saved["state"].update(changes)
    files["state.json"] = json.dumps(saved).encode()
    files.pop("seqpipe-manifest.json")

    def write(into: Path) -> None:
        for name, content in files.items():
            (into / name).write_bytes(content)

    storage.write_folder(folder, write)


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": -1},
        {"slice": "2"},
        {"loss": 1},
        {"loss": "0x1p99999"},
        {"losses": [1]},
        {"best": {}},
    ],
)
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=4)
    rewrite(tmp_path / "state", **changes)
    with pytest.raises(EmbedderError, match=r"can't be gone on from; remove the folder .*\("):
        run(tmp_path)


def test_a_failed_save_is_told_and_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=4)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", fail)
        with pytest.raises(EmbedderError, match=r"can't be saved \(.*No space left.*train again"):
            run(tmp_path)
    assert same(run(None), run(tmp_path))


def test_an_interrupted_save_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=4)
    save = np.save

    def interrupt(file: Path, *given: Any, **options: Any) -> None:
        save(file, *given, **options)
        if file.name == "outputs.npy":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["state"]
    assert same(run(None), run(tmp_path))


def test_a_folder_that_cannot_be_written_to_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbedderError, match=r"no checkpoint can be kept in .*file"),
        checkpoints_in(tmp_path / "file"),
    ):
        pass
    (tmp_path / "state").mkdir()
    (tmp_path / "state/mine.txt").touch()
    with (
        pytest.raises(EmbedderError, match=r"seqpipe did not save it.* folder of its own"),
        checkpoints_in(tmp_path),
    ):
        pass
    assert (tmp_path / "state/mine.txt").exists()


def test_two_trainings_at_once_need_two_folders(tmp_path: Path) -> None:
    with (
        checkpoints_in(tmp_path),
        pytest.raises(EmbedderError, match="written by another process"),
        checkpoints_in(tmp_path),
    ):
        pass


def test_a_folder_in_which_nothing_was_saved_does_not_stay(tmp_path: Path) -> None:
    with checkpoints_in(tmp_path / "a/b"):
        assert (tmp_path / "a/b").is_dir()
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(("seconds", "between"), [(0, 60), (2, 62), (10, 200), (100, 700)])
def test_it_is_saved_less_often_where_that_takes_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, between: int
) -> None:
    now: list[int] = [0]
    saves: list[int] = []

    def write_folder(*_: object, **__: object) -> None:
        saves.append(now[0])
        now[0] += seconds

    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("seqpipe.parts.cooccurrence._checkpoints.time", clock)
    monkeypatch.setattr("seqpipe.storage.write_folder", write_folder)
    with checkpoints_in(tmp_path) as checkpoints:
        checkpoint = checkpoints.of({}, {})
        while len(saves) < 4:
            checkpoint.save_if_due(State())
            now[0] += 1
    assert saves[0] == 60
    assert set(np.diff(saves).tolist()) == {between}


def test_a_damaged_one_of_the_best_epoch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tmp_path, stop=7, held_out=held_out_of())
    damage("best/inputs.npy")(tmp_path / "state")
    with pytest.raises(EmbedderError, match=r"best/inputs\.npy has other content"):
        run(tmp_path, held_out=held_out_of())
    with pytest.raises(SavedModelError):
        storage.verify_folder(tmp_path / "state")
