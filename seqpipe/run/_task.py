"""What a run says of its data, and how it scores what was learnt from it: as the pipeline's task has it."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from spacy.language import Language
from spacy.training import Example

from seqpipe import storage
from seqpipe.adapters import (
    Corpus,
    PipelineScorer,
    calling,
    compares_pairs,
    decision_of,
    has_several_heads,
    mix_of,
    naming_scorer,
    read_examples,
    tasks_of,
)
from seqpipe.errors import DataError
from seqpipe.evaluation.predictions import Predicted, draw_page, evaluate
from seqpipe.parts.readers import Row
from seqpipe.reporting import Reporter
from seqpipe.tasks.text_classes import TextClasses
from seqpipe.training import CorpusOf

_SHOWN_ROWS: Final = 5
#: The file of a run that has what's predicted of each text of its fold.
PREDICTIONS: Final = "predictions.jsonl"
#: The file of a run that shows what its model is worth.
PAGE: Final = "report.html"
#: So many samples the intervals of that page rest on, as a run is to end soon.
_RESAMPLES: Final = 200


def read_all(nlp: Language, corpora: Mapping[str, Corpus]) -> None:
    """Read all of the data.

    Raises:
        DataError: It can't be read.
    """
    for corpus in corpora.values():
        corpus.read(nlp)


def check_data(nlp: Language, corpora: Mapping[str, Corpus], reporter: Reporter) -> None:
    """Check that the data can be learnt, and report how much of it there is and which rows were skipped.

    Raises:
        DataError: The pipeline's task can't learn it.
    """
    first = next(iter(corpora.values()), None)
    if first is None:
        return
    notes: list[str] = []
    tasks = tasks_of(nlp)
    for name, task in tasks.items():
        with calling(task, "task", "checked the data"):
            notes += task.check({p: _rows_for(name, c, nlp) for p, c in corpora.items()})
    _check_pairs(nlp, corpora)
    if not all(isinstance(task, TextClasses) for task in tasks.values()):
        # What a row's truth is shows when it's annotated: of the test part, that would be after the training.
        for corpus in corpora.values():
            deque(corpus(nlp), maxlen=0)
    data = first.read(nlp)
    counts = ", ".join(f"{len(corpus.rows(nlp)):,} {name}" for name, corpus in corpora.items())
    labels = f"; {len(data.labels)} labels" if data.labels else ""
    for note in [f"{counts}{labels}", *notes]:
        reporter.note(note)
    skipped = data.skipped
    for bad in skipped[:_SHOWN_ROWS]:
        reporter.note(f"skipped {bad.source}: {bad.problem}")
    if len(skipped) > _SHOWN_ROWS:
        reporter.note(f"{len(skipped):,} rows were skipped; report.json lists them all")


def _check_pairs(nlp: Language, corpora: Mapping[str, Corpus]) -> None:
    """Check that heads for pairs learn from pairs."""
    comparing = [name for name, pipe in nlp.pipeline if compares_pairs(pipe)]
    for name in comparing:
        for corpus in corpora.values():
            rows = _rows_for(name, corpus, nlp)
            if alone := next((row for row in rows if row.pair is None), None):
                raise DataError(
                    f"{alone.source} has one text, and the head of the component {name!r} compares the two texts of a pair: "
                    "name the column of the second one by `pair`"
                )


def _rows_for(component: str, corpus: Corpus, nlp: Language) -> list[Row]:
    """Return the rows of a part that a component learns from: all, where no other component has rows of its own."""
    data = corpus.read(nlp)
    is_joint = len(data.tasks) > 1 and component in data.tasks
    return data.learnt_by(component, corpus.part) if is_joint else corpus.rows(nlp)


def predicted_by(
    nlp: Language, corpus: Corpus, examples: Sequence[Example]
) -> dict[str, Predicted]:
    """Return what each component that has learnt a task predicts for the texts that it learns from, by its name."""
    pipes = dict(nlp.pipeline)
    found = {}
    for name, task in tasks_of(nlp).items():
        pairs = _learnt_by(name, corpus, nlp, examples)
        rows, own = [row for row, _ in pairs], [example for _, example in pairs]
        found[name] = Predicted(task, tuple(pipes[name].labels), rows, own)
    return found


def _learnt_by(
    component: str, corpus: Corpus, nlp: Language, examples: Sequence[Example]
) -> list[tuple[Row, Example]]:
    """Return the rows that a component learns from with their examples."""
    learnt = {id(row) for row in _rows_for(component, corpus, nlp)}
    pairs = zip(corpus.rows(nlp), examples, strict=True)
    return [(row, example) for row, example in pairs if id(row) in learnt]


def note_tuned(nlp: Language, reporter: Reporter) -> None:
    """Say what was tuned on the dev part: how scores are mixed, and by what labels are decided on."""
    if mix := mix_of(nlp):
        weights = f"{mix['head']:.3g} for the head, {mix['classifier']:.3g} for [wide]"
        reporter.note(f"weights of the mix of scores: {weights}")
    decision = decision_of(nlp)
    thresholds = decision.pop("thresholds", {})
    if decision:
        shown = [f"{name} {value:.3g}" for name, value in decision.items()]
        shown += [f"{label} {value:.2g}" for label, value in list(thresholds.items())[:_SHOWN_ROWS]]
        more = f" and {len(thresholds) - _SHOWN_ROWS} more" if len(thresholds) > _SHOWN_ROWS else ""
        reporter.note(f"decision: {', '.join(shown)}{more}")


def _write_page(
    output: Path,
    nlp: Language,
    corpus: Corpus,
    examples: Sequence[Example],
    history: Sequence[Mapping[str, Any]],
) -> None:
    heads = {
        name: evaluate(predicted, resamples=_RESAMPLES)
        for name, predicted in predicted_by(nlp, corpus, examples).items()
    }
    if heads:
        skipped = [(bad.source, bad.problem) for bad in corpus.read(nlp).skipped]
        found = {"texts": len(examples), "skipped": skipped, "heads": heads, "comparison": {}}
        title = f"{output.name}: the {corpus.part} part"
        storage.write_text(output / PAGE, draw_page(found, title=title, history=history))


def predict_examples(nlp: Language, corpus: CorpusOf) -> list[Example]:
    """Return the examples of a part of the data, with what a pipeline predicts for them."""
    examples = list(read_examples(corpus, nlp))
    docs = nlp.pipe([example.predicted for example in examples])
    for example, doc in zip(examples, docs, strict=True):
        example.predicted = doc
    return examples


def score_texts(
    nlp: Language,
    corpus: CorpusOf,
    *,
    output: Path | None = None,
    history: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Score a pipeline on a part of the data.

    Args:
        nlp: The pipeline.
        corpus: The part.
        output: The folder of the run, which gets a page of the figures; and the predictions too, if the part is a fold of
            cross-validation and texts are put into classes.
        history: A line for each evaluation of the training, for the page.

    Returns:
        spaCy's scores under "spacy"; beside them the figures of the pipeline's task, if it has one. Those of several
        tasks are under "heads", by component.
    """
    examples = predict_examples(nlp, corpus)
    with naming_scorer():
        scores = {"spacy": PipelineScorer(nlp).score(examples)}
    tasks = tasks_of(nlp)
    for name, task in tasks.items():
        if output and isinstance(corpus, Corpus) and corpus.fold and isinstance(task, TextClasses):
            pairs = _learnt_by(name, corpus, nlp, examples)
            lines = [task.prediction(row, example.predicted) for row, example in pairs]
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            storage.write_text(output / PREDICTIONS, text)
    if output and isinstance(corpus, Corpus):
        _write_page(output, nlp, corpus, examples, history)
    figures = {}
    for name, task in tasks.items():
        scored = examples
        if isinstance(corpus, Corpus):
            scored = [example for _, example in _learnt_by(name, corpus, nlp, examples)]
        with calling(task, "task", "scored examples"):
            figures[name] = task.score(scored)
    if has_several_heads(nlp):
        figures = {"heads": figures}
    elif figures:
        figures = next(iter(figures.values()))
    return {**figures, **scores}
