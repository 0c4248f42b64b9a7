"""Rows of data as the examples that spaCy trains on."""

import weakref
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters._contract import calling, read_rows
from seqpipe.adapters._tokenizer import fit_tokenizer, tokenized
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import BadRow, Reader, Row, fingerprint, split_rows
from seqpipe.tasks import Task
from seqpipe.tasks.text_classes import TextClasses

_WHOLE = "data"


class DataSet:
    """The rows of a data set in its parts: train, dev and test.

    A part with a reader of its own is what that reads. The other parts are split off the rows of
    the reader of the whole, or, where there's none, off the rows of the train part.

    Args:
        readers: The readers by part; that of the whole is called "data".
        fractions: The share of each part that's split off.
        seed: Decides the split.
        task: What is learnt from the rows; by default classes of texts.

    Raises:
        ConfigError: Nothing says where the train part comes from.
        DataError: As the readers and `split_rows`.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        *,
        fractions: Mapping[str, float],
        seed: int,
        task: Task | None = None,
    ) -> None:
        self.task = task or TextClasses()
        whole = _WHOLE if _WHOLE in readers else "train"
        if whole not in readers:
            raise ConfigError("[data] says nothing of where the rows for training come from")
        for name, reader in readers.items():
            _check_labelled(name, reader)
        results = {name: read_rows(reader) for name, reader in readers.items()}
        self.skipped: list[BadRow] = [bad for result in results.values() for bad in result.skipped]
        self.parts: dict[str, list[Row]] = {
            n: list(r.rows) for n, r in results.items() if n != whole
        }
        wanted = _shares_left(fractions, without=self.parts)
        strata = None if type(self.task).strata is Task.strata else self.task.strata
        self.parts |= split_rows(results[whole].rows, wanted, seed=seed, strata=strata)
        rows = [row for name in sorted(self.parts) for row in self.parts[name]]
        self.labels = sorted({label for row in rows for label in row.labels})
        self.fingerprint = fingerprint(rows)
        self._tokenizer: Any = None
        self._docs: dict[str, list[Doc]] = {}

    def docs(self, part: str, nlp: Language) -> list[Doc]:
        """Return the tokenized texts of a part. They're kept until another tokenizer is asked for.

        A tokenizer that learns, and hasn't yet, is fitted on the train part before.

        Raises:
            DataError: A text is longer than the pipeline takes.
        """
        is_new = fit_tokenizer(nlp, lambda: (row.text for row in self.parts["train"]))
        if is_new or self._tokenizer is not nlp.tokenizer:
            self._tokenizer, self._docs = nlp.tokenizer, {}
        if part not in self._docs:
            self._docs[part] = [_tokenized(nlp, row) for row in self.parts[part]]
        return self._docs[part]


def _tokenized(nlp: Language, row: Row) -> Doc:
    if len(row.text) > nlp.max_length:
        raise DataError(
            f"{row.source} has a text of {len(row.text):,} characters, and spaCy takes {nlp.max_length:,} "
            "at most: split it into several rows, or leave it out"
        )
    return tokenized(nlp.tokenizer, row.text)


def _check_labelled(part: str, reader: Any) -> None:
    if not isinstance(reader, Reader):
        where = "[data]" if part == _WHOLE else f"[data.{part}]"
        raise ConfigError(
            f"{where} is read by {type(reader).__name__}, which gives no labels to learn: "
            'name a reader that does, such as "seqpipe.Csv.v1"'
        )


def _shares_left(fractions: Mapping[str, float], *, without: Container[str]) -> dict[str, float]:
    """Return the shares of the parts to split off, grown so that as many rows are used as before."""
    left = {name: share for name, share in fractions.items() if name not in without}
    growth = sum(fractions.values()) / (sum(left.values()) or 1.0)
    return dict(fractions) if left == fractions else {n: s * growth for n, s in left.items()}


class Corpus:
    """One part of a data set as examples for a pipeline: what spaCy calls a corpus.

    Args:
        data: The data set.
        part: Which part of it.

    Raises:
        DataError: The data set has no such part.
    """

    def __init__(self, data: DataSet, part: str) -> None:
        if part not in data.parts:
            parts = ", ".join(sorted(data.parts))
            raise DataError(
                f"[data] has no {part!r} part, only {parts}: add a share of it to `split`"
            )
        self.data = data
        self.rows = data.parts[part]
        self._part = part

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Yield the examples. Texts are tokenized the first time, and for each other tokenizer."""
        for row, doc in zip(self.rows, self.data.docs(self._part, nlp), strict=True):
            reference = doc.copy()
            with calling(self.data.task, "task", f"annotated {row.source}"):
                self.data.task.annotate(reference, row, self.data.labels)
            yield Example(doc.copy(), reference)

    def sequences(self, nlp: Language) -> Iterator[Sequence[str]]:
        """Yield the words of one text after another; white space is none."""
        for doc in self.data.docs(self._part, nlp):
            yield [token.text for token in doc if not token.is_space]


def make_corpus(
    part: str,
    split: dict[str, float],
    seed: int = 0,
    data: Reader | None = None,
    train: Reader | None = None,
    dev: Reader | None = None,
    test: Reader | None = None,
    task: Task | None = None,
) -> Corpus:
    """Make one part of a data set; registered as the reader "seqpipe.Corpus.v1".

    Args:
        part: "train", "dev" or "test".
        split: The share of each part that's split off the rows of `data` (or `train`).
        seed: Decides the split.
        data: Reads the rows that are split.
        train: Reads the rows to train on.
        dev: Reads the rows that the best model is chosen by.
        test: Reads the rows that the best model is evaluated on.
        task: What is learnt from the rows; by default classes of texts.
    """
    readers = {_WHOLE: data, "train": train, "dev": dev, "test": test}
    given = {name: reader for name, reader in readers.items() if reader is not None}
    return Corpus(_shared_data_set(given, split, seed, task), part)


# The corpora of one configuration share what they read for as long as one of them lives.
_data_sets: weakref.WeakValueDictionary[Any, DataSet] = weakref.WeakValueDictionary()


def forget_data() -> None:
    """Have corpora made from now on read their data again: files may have changed since."""
    _data_sets.clear()


def _shared_data_set(
    readers: Mapping[str, Reader], split: Mapping[str, float], seed: int, task: Task | None
) -> DataSet:
    # Of a task that isn't the default one each corpus has an object of its own, made by the same settings.
    of = None if task is None else (type(task), repr(sorted(vars(task).items())))
    key = (tuple(readers.items()), tuple(split.items()), seed, of)
    data = _data_sets.get(key)
    if data is None:
        data = _data_sets[key] = DataSet(readers, fractions=split, seed=seed, task=task)
    return data
