"""Models that the fastText library trains, and what it says of them."""

from pathlib import Path

import fasttext_pybind as library
import numpy as np

from seqpipe.formats import Dense, FastTextArgs, FastTextModel

LABELS = ("sweet", "sour", "salty", "bitter", "hot", "cold", "mild")

TEXTS = (
    "wort1 wort2 sweet1 sweet0",
    "naïve Straße hot2 unbekanntes",
    "bitter0 bitter1 日本語 emoji😀 a",
    "völlig unbekannt",
    "wort5 __label__sour sour1 sour2 __label__nobody",
    "  wort7\twort8 </s> cold1",
    "",
)


def train(texts, name, *, model, loss, **settings):
    """Have the library train a model, and return the file that it's written to."""
    arguments = library.args()
    arguments.input = str(texts)
    arguments.model = getattr(library.model_name, model)
    arguments.loss = getattr(library.loss_name, loss)
    usual = {"dim": 10, "epoch": 3, "minCount": 1, "thread": 1, "verbose": 0, "lr": 0.3}
    plain = {"minn": 0, "maxn": 0, "bucket": 0, "wordNgrams": 1}
    for key, value in (usual | plain | settings).items():
        setattr(arguments, key, value)
    trained = library.fasttext()
    library.train(trained, arguments)
    path = Path(texts).parent / name
    trained.saveModel(str(path))
    return path


def quantize(path, texts, *, qout=False, cutoff=0, retrain=False, qnorm=False, dsub=2):
    """Have the library quantise a model, and return the file that it's written to."""
    model = load(path)
    model.quantize(str(texts), qout, cutoff, retrain, 1, 0.1, 1, 0, dsub, qnorm)
    target = path.with_name(f"{path.stem}-{qout:d}{cutoff}{retrain:d}{qnorm:d}{dsub}.ftz")
    model.saveModel(str(target))
    return target


def load(path):
    """Return a model as the library reads it."""
    model = library.fasttext()
    model.loadModel(str(path))
    return model


def library_predictions(model, text):
    """Return the library's probability of each label."""
    found = model.predict(text.replace("\n", " ") + "\n", 100, 0.0, "strict")
    return {label: probability for probability, label in found}


def library_vector(model, word, width):
    """Return the library's vector of a word: that of the installed build is normalised."""
    vector = library.Vector(width)
    model.getWordVector(vector, word)
    return np.array(vector)


def normalised(vector):
    length = np.linalg.norm(vector)
    return vector / length if length else vector


def make_model(words=("the", "naïve", "日本語"), *, labels=(), width=3, seed=0, **settings):
    """Return a model of random numbers."""
    draw = np.random.default_rng(seed)
    kind = "supervised" if labels else "skipgram"
    args = FastTextArgs(width=width, kind=kind, **{"buckets": 0, **settings})
    rows = len(labels or words)
    table = draw.normal(size=(len(words) + args.buckets, width)).astype(np.float32)
    return FastTextModel(
        args=args,
        words=tuple(words),
        word_counts=np.arange(len(words), 0, -1),
        labels=tuple(labels),
        label_counts=np.arange(len(labels), 0, -1),
        input=Dense(table),
        output=Dense(draw.normal(size=(rows, width)).astype(np.float32)),
    )
