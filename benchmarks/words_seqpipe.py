"""seqpipe in the benchmark of words: a file of data, heads and tasks, or any pipeline file with other data."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import spacy
import torch
from accuracy_seqpipe import common_options, notes_of, run_pipeline, with_data
from accuracy_systems import RECIPE, copy_into
from spacy.tokens import Doc
from text_sets import Parts
from word_sets import UPOS, WordSet, reader_settings
from words_scores import Predicted
from words_systems import TrainedWords, WordsJob, words_of

from seqpipe.adapters import pair_of
from seqpipe.parts.chunks import Chunk
from seqpipe.parts.readers import Row

_TAGS: Final = """[head]
@seqpipe_heads = "seqpipe.TokenClassifier.v1"

[task]
@seqpipe_tasks = "seqpipe.TokenLabels.v1"
tags = "upos"
attribute = "pos"
"""
_ENTITIES: Final = """[head]
@seqpipe_heads = "seqpipe.Crf.v1"

[task]
@seqpipe_tasks = "seqpipe.Entities.v1"
"""
_BOTH: Final = """[heads.intent]
@seqpipe_heads = "seqpipe.TextClassifier.v2"

[heads.slots]
@seqpipe_heads = "seqpipe.Crf.v1"

[heads.slots.task]
@seqpipe_tasks = "seqpipe.Entities.v1"
"""
_PAIRS: Final = '[head]\n@seqpipe_heads = "seqpipe.PairRegressor.v1"\n'


def default_file(known: WordSet) -> str:
    """Return a pipeline file for a set without its data: the heads and the tasks, and all else by default."""
    if known.pairs:
        return _PAIRS
    if known.tags == UPOS:
        return _TAGS
    return _BOTH if known.labels else _ENTITIES


def fit_default(job: WordsJob, parts: Parts) -> TrainedWords:
    """Run a file that names the data, heads and tasks."""
    return _fit(job, parts, default_file(job.known))


def fit_recipe(job: WordsJob, parts: Parts) -> TrainedWords:
    """Run the file that the system's name has after ``seqpipe:``."""
    return _fit(job, parts, Path(job.system.removeprefix(RECIPE)).read_text(encoding="utf-8"))


def _fit(job: WordsJob, parts: Parts, recipe: str) -> TrainedWords:
    report = run_pipeline(
        with_data(recipe, job.data, **reader_settings(job.known)),
        common_options(job.seed, job.threads, job.known.lang),
        parts,
    )
    torch.set_num_threads(job.threads)
    nlp = spacy.load(Path("run", "model-best"))
    return TrainedWords(
        lambda rows: [read_doc(doc) for doc in nlp.pipe(_docs(nlp, rows))],
        lambda folder: copy_into(Path("run", "model-best"), folder),
        notes_of(report),
        report["timings"]["evaluation"],
    )


def _docs(nlp: Any, rows: Sequence[Row]) -> Iterator[Doc]:
    for row in rows:
        if row.pair is None:
            yield Doc(nlp.vocab, words=list(words_of(row)))
        else:
            yield pair_of(nlp, row.text, row.pair)


def read_doc(doc: Doc) -> Predicted:
    """Return what a pipeline wrote into a doc."""
    numbers = doc._.get("numbers") if Doc.has_extension("numbers") else None
    return Predicted(
        tags=[token.pos_ for token in doc],
        chunks=[Chunk(ent.start, ent.end, ent.label_) for ent in doc.ents],
        label=max(doc.cats, key=doc.cats.__getitem__) if doc.cats else "",
        number=next(iter(numbers.values())) if numbers else 0.0,
    )
