"""spaCy's own components for words as a peer, on its own tok2vec, trained by its own loop."""

import io
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import spacy
from accuracy_systems import copy_into, label_names
from spacy.cli.init_config import init_config
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.vectors import Vectors
from text_sets import Parts
from word_sets import ENTITIES, UPOS, WordSet, chunks_in
from words_glove import glove_for
from words_scores import Predicted
from words_systems import TrainedWords, WordsJob, words_of

from seqpipe.parts.chunks import Chunk
from seqpipe.parts.readers import Row

#: After these seconds training ends, if spaCy's patience hasn't before; the best model until then counts.
SECONDS: Final = 3600.0
#: What's written over the quickstart's settings of training: nothing, but tests train shorter.
_TRAINING: Final[dict[str, Any]] = {}
_LOGGED_STEP: Final = re.compile(r"^ *\d+ +(\d+) ", re.MULTILINE)
#: Reads the words' vectors that the pipeline's tok2vec computes.
_LISTENER: Final = {
    "@architectures": "spacy.Tok2VecListener.v1",
    "width": "${components.tok2vec.model.encode.width}",
    "upstream": "*",
}
#: What the quickstart writes for "accuracy"; the one for "efficiency" sees no tok2vec.
_TEXTCAT: Final = {
    "@architectures": "spacy.TextCatEnsemble.v2",
    "linear_model": {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "length": 262144,
        "ngram_size": 1,
        "no_output_layer": False,
    },
    "tok2vec": _LISTENER,
}


_TIME_LIMIT: Final = "seqpipe_benchmark.time_limit.v1"


class TimeUpError(Exception):
    """Training took longer than it may."""


def make_time_limit(seconds: float) -> Callable[[Any, dict[str, Any]], None]:
    """Return what spaCy's loop calls before each step: it raises TimeUpError when the time is up."""
    start = time.perf_counter()

    def check(nlp: Any, info: dict[str, Any]) -> None:
        if time.perf_counter() - start > seconds:
            raise TimeUpError

    return check


spacy.registry.callbacks(_TIME_LIMIT)(make_time_limit)


def fit_spacy(job: WordsJob, parts: Parts) -> TrainedWords:
    """Train the components that the set asks for together, on one tok2vec."""
    folder = Path.cwd()
    words, vectors = glove_for(job, parts)
    base = spacy.blank(job.known.lang)
    if words:
        base.vocab.vectors = Vectors(
            strings=base.vocab.strings, data=vectors, keys=words, name="glove"
        )
        base.to_disk(folder / "vectors")
    classes = label_names(parts["train"])
    for part in ("train", "dev"):
        docs = [_annotated(base, row, classes) for row in parts[part]]
        DocBin(docs=docs).to_disk(folder / f"{part}.spacy")
    config = _config(job, folder, has_vectors=bool(words))
    log = io.StringIO()
    try:
        train(init_nlp(config), folder, stdout=log, stderr=log)
        is_cut = False
    except TimeUpError:
        is_cut = True
    best = next(path for path in (folder / "model-best", folder / "model-last") if path.exists())
    nlp = spacy.load(best)
    steps = _LOGGED_STEP.findall(log.getvalue())
    return TrainedWords(
        lambda rows: _predict(nlp, rows),
        lambda into: copy_into(best, into),
        {
            "dev": _dev(nlp),
            "steps": int([0, *steps][-1]),
            "time_was_up": is_cut,
            "vectors": len(words),
        },
    )


def components(known: WordSet) -> list[str]:
    """Return the names of the components that learn a set."""
    return ["tagger"] if known.tags == UPOS else ["ner", "textcat"] if known.labels else ["ner"]


def _config(job: WordsJob, folder: Path, *, has_vectors: bool) -> Any:
    names = components(job.known)
    config = init_config(lang=job.known.lang, pipeline=names, optimize="efficiency", gpu=False)
    config["paths"].update({part: str(folder / f"{part}.spacy") for part in ("train", "dev")})
    config["system"]["seed"] = job.seed
    config["training"] = {**config["training"], **_TRAINING}
    config["training"]["before_update"] = {
        "@callbacks": _TIME_LIMIT,
        "seconds": SECONDS,
    }
    if has_vectors:
        config["paths"]["vectors"] = str(folder / "vectors")
        config["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] = True
    if "textcat" in names:
        config["components"]["textcat"]["model"] = _TEXTCAT
    return config


def _annotated(nlp: Any, row: Row, classes: Sequence[str]) -> Doc:
    """Return a row as a doc with what there is to learn."""
    doc = Doc(nlp.vocab, words=list(words_of(row)))
    if UPOS in row.tags:
        for token, tag in zip(doc, row.tags[UPOS], strict=True):
            token.tag_ = tag or ""
    if ENTITIES in row.tags:
        spans = [spacy.tokens.Span(doc, *chunk) for chunk in chunks_in(row)]
        doc.set_ents(spans, default="outside")
    doc.cats = {label: float(label in row.labels) for label in classes}
    return doc


def _predict(nlp: Any, rows: Sequence[Row]) -> list[Predicted]:
    docs: Iterable[Doc] = (Doc(nlp.vocab, words=list(words_of(row))) for row in rows)
    return [
        Predicted(
            tags=[token.tag_ for token in doc],
            chunks=[Chunk(ent.start, ent.end, ent.label_) for ent in doc.ents],
            label=max(doc.cats, key=doc.cats.__getitem__) if doc.cats else "",
        )
        for doc in nlp.pipe(docs)
    ]


def _dev(nlp: Any) -> dict[str, float]:
    """Return spaCy's own scores on dev, by which it chose the model."""
    found = nlp.meta.get("performance", {})
    return {name: found[name] for name in ("tag_acc", "ents_f", "cats_score") if name in found}
