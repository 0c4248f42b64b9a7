"""A pipeline whose tables are large enough to be shrunk: many made-up words, of two classes."""

import itertools
import json
import random

import pytest

from seqpipe.inference import load_pipeline
from seqpipe.run import run

PIPELINE = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 25
epochs = 10
min_count = 1
subsample = 1.0
standardize = true

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 32
engine = "plain"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_epochs = 12
eval_frequency = 20

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02
"""
CONSONANTS = {"hard": "kptdg", "soft": "lmnrw"}


def words_of(label):
    """Return the words of a class: three syllables each."""
    syllables = [c + v for c in CONSONANTS[label] for v in "aeiou"]
    chance = random.Random(label)
    return sorted({"".join(chance.choices(syllables, k=3)) for _ in range(300)})


def make_texts(*, count, seed):
    """Return texts with their labels: most words of a text are of its class."""
    chance = random.Random(seed)
    words = {label: words_of(label) for label in CONSONANTS}
    texts = []
    for label in itertools.islice(itertools.cycle(CONSONANTS), count):
        other = next(each for each in CONSONANTS if each != label)
        mixed = [*chance.choices(words[label], k=10), *chance.choices(words[other], k=3)]
        chance.shuffle(mixed)
        texts.append((" ".join(mixed), label))
    return texts


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Return the folder of a trained model."""
    folder = tmp_path_factory.mktemp("shrinking")
    data = folder / "texts.jsonl"
    rows = [{"text": text, "label": label} for text, label in make_texts(count=240, seed=1)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    file = folder / "pipeline.cfg"
    file.write_text(PIPELINE.format(path=data.as_posix()), encoding="utf-8")
    run(file, output=folder / "run")
    return folder / "run" / "model-best"


@pytest.fixture(scope="session")
def nlp(model):
    """Return the trained pipeline, which shrinking leaves as it is."""
    return load_pipeline(str(model))


@pytest.fixture(scope="session")
def texts():
    """Return texts that nothing was trained on, with their labels."""
    return make_texts(count=200, seed=2)
