"""Labels that only the inside of a word tells: of words that no training text has."""

import random

import pytest
import spacy

from seqpipe.kernels.c import _engine
from seqpipe.messages import PipelineFileError
from seqpipe.run import run

FILE = """
[data]
@readers = "seqpipe.Columns.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 8
epochs = 1
min_count = 1
{settings}

[encoder]
width = 16

[head]
@seqpipe_heads = "seqpipe.TokenClassifier.v1"

[task]
@seqpipe_tasks = "seqpipe.TokenLabels.v1"

[training]
max_epochs = {epochs}
eval_frequency = 100

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 8
"""

ENDINGS = {"NOUN": "ity", "VERB": "ate", "ADJ": "ous"}
SUFFIX = 'trained_width = 8\ntrained_rows = 500\ntrained_features = ["suffix"]'
SHAPE = 'trained_width = 8\ntrained_rows = 500\ntrained_features = ["lower", "shape"]'
CONVOLUTION = "characters = 16"
RECURRENT = 'characters = 16\ncharacter_encoder = "recurrent"'
EVERYTHING = """tune = true
trained_width = 4
trained_rows = 100
trained_features = ["lower", "norm", "prefix", "suffix", "shape"]
"""


def stem(draw):
    return "".join(draw.choice("abcdeghiklmnoprstuvw") for _ in range(draw.randint(5, 6)))


def by_ending(draw):
    tag = draw.choice(list(ENDINGS))
    return stem(draw) + ENDINGS[tag], tag


def by_capitals(draw):
    tag = draw.choice(["NOUN", "PROPN", "X"])
    word = stem(draw)
    return {"NOUN": word, "PROPN": word.title(), "X": word.upper()}[tag], tag


def write(folder, settings, *, word=by_ending, epochs=12):
    draw = random.Random(0)
    texts = [
        "".join(" ".join(word(draw)) + "\n" for _ in range(draw.randint(1, 9))) for _ in range(120)
    ]
    (folder / "words.txt").write_text("\n".join(texts), encoding="utf-8")
    file = folder / "pipeline.cfg"
    path = (folder / "words.txt").as_posix()
    text = FILE.format(path=path, settings=settings, epochs=epochs)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("settings", [SUFFIX, CONVOLUTION, RECURRENT])
def test_unseen_words_are_labelled_by_their_ending(tmp_path, settings):
    result = run(write(tmp_path, settings), output=tmp_path / "out")
    assert result.report["test"]["accuracy"] > 0.9
    doc = spacy.load(result.model)("qualibility fabricate moreover-numerous")
    assert [token.tag_ for token in doc][:2] == ["NOUN", "VERB"]


@pytest.mark.parametrize("settings", [SHAPE, CONVOLUTION, RECURRENT])
def test_unseen_words_are_labelled_by_their_capitals(tmp_path, settings):
    result = run(write(tmp_path, settings, word=by_capitals), output=tmp_path / "out")
    assert result.report["test"]["accuracy"] > 0.9


@pytest.mark.parametrize("word", [by_ending, by_capitals])
def test_whole_words_tell_nothing_about_unseen_ones(tmp_path, word):
    settings = "trained_width = 8\ntrained_rows = 500"
    result = run(write(tmp_path, settings, word=word), output=tmp_path / "out")
    assert result.report["test"]["accuracy"] < 0.6


@pytest.mark.parametrize("characters", [CONVOLUTION, RECURRENT])
def test_any_number_of_threads_trains_the_same_files(tmp_path, monkeypatch, characters):
    # Every pass is long enough for several threads, and every product for C.
    for limit in ("_MIN_THREADED_PRODUCTS", "_MIN_MULTIPLICATIONS", "_MIN_ROWS"):
        monkeypatch.setattr(_engine, limit, 1)
    file = write(tmp_path, EVERYTHING + characters, epochs=1)
    found = []
    for threads in (1, 2):
        made = run(file, output=tmp_path / str(threads), threads=threads)
        files = [path for path in made.model.rglob("*") if path.is_file()]
        found.append({path.relative_to(made.model): path.read_bytes() for path in files})
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            'trained_width = 8\ntrained_features = ["sufix"]',
            [":12:21", 'trained_features", item 1: expected', 'did you mean "suffix"?'],
        ),
        ('trained_features = ["suffix"]', [":11:", "`trained_features` needs a `trained_width`"]),
        (
            'trained_width = 8\ntrained_features = ["suffix", "suffix"]',
            [":12:", "`trained_features` names a feature twice"],
        ),
        ("characters = -1", [":11:14", "`characters` is -1; at least 0 is needed"]),
        (
            'characters = 7\ncharacter_encoder = "recurrent"',
            [":11:14", "`characters` is 7, which two directions can't share"],
        ),
        (
            'characters = 8\ncharacter_encoder = "recurent"',
            [":12:21", "expected", 'did you mean "recurrent"?'],
        ),
    ],
)
def test_mistakes_in_the_settings_have_a_place(tmp_path, settings, expected):
    with pytest.raises(PipelineFileError) as caught:
        run(write(tmp_path, settings), output=tmp_path / "out")
    message = str(caught.value)
    for part in expected:
        assert part in message, message
