"""Evaluates a saved pipeline on a file, or on the test part of the data that it was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confection import ConfigValidationError
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry

from seqpipe.adapters import Corpus, PipelineScorer, naming_scorer
from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation.predictions import Predicted, compare, evaluate
from seqpipe.parts.readers import Row
from seqpipe.run._task import predict_examples, predicted_by

_CORPUS = "seqpipe.Corpus.v1"
#: What of a corpus says where its rows are.
_ROWS = ("data", "train", "dev", "test", "own", "fold", "split", "part")


@dataclass(frozen=True)
class Evaluated:
    """What came of an evaluation.

    Attributes:
        texts: How many texts there were.
        skipped: The rows that couldn't be used: where they stand and why.
        heads: What `seqpipe.evaluation.predictions.evaluate` says of each component that has learnt a task, by its name.
        spacy: The scores of spaCy's own components.
        comparison: What `seqpipe.evaluation.predictions.compare` says of each, if there was another pipeline.
    """

    texts: int
    skipped: list[tuple[str, str]]
    heads: Mapping[str, Mapping[str, Any]]
    spacy: Mapping[str, Any]
    comparison: Mapping[str, Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON can hold it."""
        return dict(vars(self))


def evaluate_model(
    nlp: Language,
    reader: Mapping[str, Any] | None = None,
    *,
    part: str = "test",
    other: Language | None = None,
    seed: int = 0,
) -> Evaluated:
    """Evaluate a pipeline.

    Args:
        nlp: The pipeline.
        reader: The settings of a reader, with its name as "@readers"; None for a part of the data that the pipeline was trained on.
        part: Which part of it.
        other: A pipeline to compare it with, on the same texts.
        seed: Decides what samples intervals rest on.

    Raises:
        ConfigError: The pipeline doesn't say what data it was trained on, or the reader can't be made.
        DataError: The data can't be read, or has no truths such as the pipeline predicts.
    """
    rows = _rows(nlp, reader, part)
    corpus = _corpus(nlp, rows)
    examples = predict_examples(nlp, corpus)
    if not examples:
        raise DataError("there are no texts to evaluate on")
    with naming_scorer():
        scores = PipelineScorer(nlp).score(examples)
    predicted = predicted_by(nlp, corpus, examples)
    heads = {name: evaluate(each, seed=seed) for name, each in predicted.items()}
    comparison = {} if other is None else _compare(predicted, other, rows, seed)
    skipped = [(bad.source, bad.problem) for bad in corpus.read(nlp).skipped]
    return Evaluated(len(examples), skipped, heads, scores, comparison)


def read_texts(
    nlp: Language, reader: Mapping[str, Any] | None = None, *, part: str = "test"
) -> tuple[list[Doc], list[Row]]:
    """Return the texts of a file, or of a part of the data that a pipeline was trained on, without predictions, and their rows.

    Args:
        nlp: The pipeline.
        reader: As for `evaluate_model`.
        part: Which part of the data.

    Raises:
        ConfigError: The pipeline doesn't say what data it was trained on, or the reader can't be made.
        DataError: The data can't be read.
    """
    corpus = _corpus(nlp, _rows(nlp, reader, part))
    # First, as it leaves out rows that can't be used.
    docs = corpus.read(nlp).docs(corpus.part, nlp)
    return docs, corpus.rows(nlp)


def _compare(
    predicted: Mapping[str, Predicted], other: Language, rows: Mapping[str, Any], seed: int
) -> dict[str, Mapping[str, Any]]:
    """Compare pipelines by what their components of the same names predict, or by their only ones."""
    corpus = _corpus(other, rows)
    others = predicted_by(other, corpus, predict_examples(other, corpus))
    if len(predicted) == len(others) == 1:
        others = dict(zip(predicted, others.values(), strict=True))
    shared = [name for name in predicted if name in others]
    found: dict[str, Mapping[str, Any]] = {}
    for name in shared:
        one, two = predicted[name], others[name]
        if [row.text for row in one.rows] != [row.text for row in two.rows]:
            raise DataError(
                "the two pipelines can't be compared: they can't use the same rows of the data"
            )
        if one.task.main_figure == two.task.main_figure:
            found[name] = compare(one, two, seed=seed)
    if not found:
        raise DataError("the two pipelines can't be compared: they have learnt different tasks")
    return found


def _corpora(nlp: Language) -> Mapping[str, Any]:
    corpora: Mapping[str, Any] = nlp.config.interpolate().get("corpora") or {}
    return {
        name: corpus
        for name, corpus in corpora.items()
        if isinstance(corpus, Mapping) and corpus.get("@readers") == _CORPUS
    }


def _rows(nlp: Language, reader: Mapping[str, Any] | None, part: str) -> Mapping[str, Any]:
    """Return what of a corpus says where its rows are."""
    if reader is not None:
        # A data set can't be without a train part.
        return {"part": "train", "split": {"train": 1.0}, "train": dict(reader)}
    corpora = _corpora(nlp)
    if part not in corpora:
        known = f"only {', '.join(corpora)}" if corpora else "none"
        raise ConfigError(
            f"the pipeline's config has no {part} part of the data, {known}: name a file to evaluate on"
        )
    return {key: value for key, value in corpora[part].items() if key in _ROWS}


def _corpus(nlp: Language, rows: Mapping[str, Any]) -> Corpus:
    """Return rows as examples of what a pipeline has learnt."""
    trained: Mapping[str, Any] = next(iter(_corpora(nlp).values()), {})
    tasks = {key: value for key, value in trained.items() if key not in _ROWS}
    block = {"@readers": _CORPUS, **tasks, **rows}
    try:
        corpus: Corpus = registry.resolve({"corpus": block})["corpus"]
    except ConfigValidationError as error:
        raise ConfigError(f"the data can't be read by its settings: {error}") from error
    return corpus
