"""What a run checks and says of pipelines that put texts into classes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from spacy.language import Language
from spacy.pipeline.textcat import TextCategorizer
from spacy.pipeline.textcat_multilabel import MultiLabel_TextCategorizer
from spacy.scorer import Scorer

from seqpipe.adapters import ClassifierPipe, Corpus, naming_scorer, read_examples
from seqpipe.errors import DataError
from seqpipe.evaluation import score_classes
from seqpipe.parts.readers import Row
from seqpipe.training import CorpusOf


def check_labels(nlp: Language, corpora: dict[str, Corpus]) -> None:
    """Check that the data fits a classifier of exclusive classes, if that's what the pipeline has.

    Raises:
        DataError: There are fewer than two classes, or a text has not exactly one.
    """
    pipe = _labelling(nlp)
    if pipe is None:
        return
    for corpus in corpora.values():
        if len(corpus.data.labels) < 2:
            raise DataError(
                f"there is nothing to tell apart: all texts have the labels {corpus.data.labels}; a "
                "classifier needs two classes at least"
            )
    if not _is_exclusive(pipe):
        return
    where = "[classifier]" if isinstance(pipe, ClassifierPipe) else "[head]"
    rows = [row for corpus in corpora.values() for row in corpus.rows if len(row.labels) != 1]
    _check_one_label([row for row in rows if row.labels], where)
    _check_one_label([row for row in rows if not row.labels], where)


def _check_one_label(rows: Sequence[Row], where: str) -> None:
    """Raise an error for rows that all have several labels, or all none."""
    if not rows:
        return
    row = min(rows, key=_line_order)
    others = "" if len(rows) == 1 else f", and {len(rows) - 1:,} more rows have "
    if row.labels:
        has = f"{len(row.labels)} labels ({', '.join(row.labels)}){others and others + 'several'}"
        advice = "set `exclusive = false` there, or give the text one label"
    else:
        has = f"no label{others and others + 'none'}"
        advice = "give the text a label, or leave the row out"
    raise DataError(
        f"{row.source} has {has}, but {where} puts each text into exactly one class: {advice}"
    )


def _line_order(row: Row) -> tuple[str, int]:
    """Return what sorts rows as they stand in their files; the parts of the data are shuffled."""
    file, _, line = row.source.rpartition(":")
    return (file, int(line)) if line.isdigit() else (row.source, 0)


def unseen_labels(corpora: Mapping[str, Corpus]) -> list[str]:
    """Say which labels a model can't learn, as only the dev or the test part has them."""
    if "train" not in corpora:
        return []
    known = {label for row in corpora["train"].rows for label in row.labels}
    notes = []
    for part, corpus in corpora.items():
        unseen = sorted({label for row in corpus.rows for label in row.labels} - known)
        if unseen:
            shown = ", ".join(unseen[:5]) + (f" and {len(unseen) - 5:,} more" if unseen[5:] else "")
            notes.append(
                f"warning: the {part} part has labels that the train part lacks, which can't be learnt: {shown}"
            )
    return notes


def score_texts(nlp: Language, corpus: CorpusOf) -> dict[str, Any]:
    """Score a pipeline on a part of the data.

    Returns:
        spaCy's scores under "spacy"; beside them those of `seqpipe.evaluation.score_classes` if the
        pipeline puts texts into classes.
    """
    examples = list(read_examples(corpus, nlp))
    docs = nlp.pipe([example.predicted for example in examples])
    for example, doc in zip(examples, docs, strict=True):
        example.predicted = doc
    with naming_scorer():
        scores = {"spacy": Scorer(nlp=nlp).score(examples)}
    pipe = _labelling(nlp)
    if pipe is None:
        return scores
    classes = score_classes(
        [example.reference.cats for example in examples],
        [example.predicted.cats for example in examples],
        exclusive=_is_exclusive(pipe),
        threshold=_threshold(pipe),
    )
    return {**asdict(classes), **scores}


_Labelling: TypeAlias = TextCategorizer | ClassifierPipe


def _labelling(nlp: Language) -> _Labelling | None:
    """Return the component that puts texts into classes, if there's one."""
    found = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, _Labelling)]
    return found[0] if found else None


def _is_exclusive(pipe: _Labelling) -> bool:
    if isinstance(pipe, ClassifierPipe):
        return bool(pipe.is_exclusive)
    return not isinstance(pipe, MultiLabel_TextCategorizer)


def _threshold(pipe: _Labelling) -> float:
    threshold = pipe.threshold if isinstance(pipe, ClassifierPipe) else pipe.cfg["threshold"]
    return 0.5 if threshold is None else float(threshold)
