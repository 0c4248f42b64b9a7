"""Rows of data as the examples that spaCy trains on."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters._context import context_of
from seqpipe.adapters._contract import calling, read_rows
from seqpipe.adapters._pairs import join_pair, text_lengths
from seqpipe.adapters._tokenizer import fit_tokenizer, tokenized
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import (
    BadRow,
    Reader,
    ReadResult,
    Row,
    fingerprint,
    split_folds,
    split_rows,
)
from seqpipe.tasks import Task
from seqpipe.tasks.text_classes import TextClasses, no_class

_WHOLE = "data"
_TEST = "test"


class DataSet:
    """The rows of a data set in its parts: train, dev and test.

    A part with a reader of its own is what that reads. The other parts are split off the rows of
    the reader of the whole, or, where there's none, off the rows of the train part.

    Args:
        readers: The readers by part; that of the whole is called "data".
        fractions: The share of each part that's split off.
        seed: Decides the split.
        tasks: What is learnt from the rows, by component; by default classes of texts.
        fold: For cross-validation: of "count" folds, the one of this "index" is the test part. A reader of the test
            part isn't called.

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
        tasks: Mapping[str, Task] | None = None,
        fold: Mapping[str, int] | None = None,
    ) -> None:
        self.tasks = {"textcat": TextClasses()} if tasks is None else tasks
        whole = _check_readers(readers)
        if fold is not None:
            readers = {name: reader for name, reader in readers.items() if name != _TEST}
        results = {name: read_rows(reader) for name, reader in readers.items()}
        if self._learns_classes:
            results = {name: _of_classes(readers[name], each) for name, each in results.items()}
        self.skipped: list[BadRow] = [bad for result in results.values() for bad in result.skipped]
        self.parts: dict[str, list[Row]] = {
            n: list(r.rows) for n, r in results.items() if n != whole
        }
        split_off = self.parts if fold is None else {*self.parts, _TEST}
        wanted = _shares_left(fractions, without=split_off)
        strata = None if self._learns_classes else self._strata
        split = partial(split_rows, fractions=wanted, seed=seed, strata=strata)
        if fold is None:
            self.parts |= split(results[whole].rows)
        else:
            folds = split_folds(results[whole].rows, fold["count"], seed=seed, strata=strata)
            self.parts |= _leave_out(fold["index"], folds, split)
        rows = [row for name in sorted(self.parts) for row in self.parts[name]]
        self.labels = sorted({label for row in rows for label in row.labels})
        self.fingerprint = fingerprint(rows)
        skips = {name: reader.on_bad_row == "skip" for name, reader in readers.items()}
        self._skips = {part: skips.get(part, skips.get(whole, False)) for part in self.parts}
        #: Which rows are of this data set, whatever becomes of them; rows of several may be equal.
        self.row_ids = {id(row) for row in rows}
        self._tokenizer: Any = None
        self._docs: dict[str, list[Doc]] = {}

    @property
    def _learns_classes(self) -> bool:
        """Whether all that's learnt is classes of texts, which are checked as a whole."""
        return all(isinstance(task, TextClasses) for task in self.tasks.values())

    def _strata(self, row: Row) -> Sequence[str]:
        found = dict[str, None]()
        for task in self.tasks.values():
            with calling(task, "task", f"was asked for the strata of {row.source}"):
                found.update(dict.fromkeys(task.strata(row)))
        return list(found)

    def annotate(self, doc: Doc, row: Row) -> None:
        """Write what's to be learnt from a row on a doc.

        Raises:
            DataError: A task can't learn it.
        """
        for task in self.tasks.values():
            with calling(task, "task", f"annotated {row.source}"):
                task.annotate(doc, row, self.labels)

    def learnt_by(self, component: str, part: str) -> list[Row]:
        """Return the rows of a part that a component learns from."""
        return self.parts[part] if component in self.tasks else []

    def docs(self, part: str, nlp: Language) -> list[Doc]:
        """Return the tokenized texts of a part. They're kept until another tokenizer is asked for.

        A tokenizer that learns, and hasn't yet, is fitted on the train part before.

        A row that the task can't learn is left out, if its reader has such rows skipped.

        Raises:
            DataError: A text is longer than the pipeline takes, or all are left out.
        """
        is_new = fit_tokenizer(nlp, lambda: _texts(self.parts["train"]))
        if is_new or self._tokenizer is not nlp.tokenizer:
            self._tokenizer, self._docs = nlp.tokenizer, {}
        if part not in self._docs:
            if self._skips[part]:
                self._leave_out_long_texts(part, nlp.max_length)
            docs = [_tokenized(nlp, row) for row in self.parts[part]]
            is_checked = self._skips[part] and not self._learns_classes
            self._docs[part] = self._learnable(part, docs) if is_checked else docs
        return self._docs[part]

    def _leave_out_long_texts(self, part: str, most: int) -> None:
        """Leave out the texts of a part that are longer than a pipeline takes, unless all are."""
        problems = [_too_long(row, most) for row in self.parts[part]]
        if all(problems):
            return
        rows = list(zip(self.parts[part], problems, strict=True))
        self.parts[part] = [row for row, problem in rows if not problem]
        self.skipped += [BadRow(row.source, problem) for row, problem in rows if problem]

    def _learnable(self, part: str, docs: list[Doc]) -> list[Doc]:
        """Return the docs of a part that the task can learn, and leave out the rows of the others.

        Raises:
            DataError: There's none.
        """
        kept: list[tuple[Row, Doc]] = []
        problem: DataError | None = None
        for row, doc in zip(self.parts[part], docs, strict=True):
            try:
                self.annotate(doc.copy(), row)
            except DataError as error:
                problem = problem or error
                told = str(error).removeprefix(row.source).lstrip(": ")
                self.skipped.append(BadRow(row.source, told))
            else:
                kept.append((row, doc))
        if problem is not None and not kept:
            raise problem
        self.parts[part] = [row for row, _ in kept]
        return [doc for _, doc in kept]


class JoinedData(DataSet):
    """Several data sets as one, each of which other components learn from.

    Args:
        data_sets: Those whose rows are joined.
    """

    def __init__(self, data_sets: Sequence[DataSet]) -> None:
        self._data_sets = data_sets
        self.tasks = {name: task for data in data_sets for name, task in data.tasks.items()}
        self.labels = sorted({label for data in data_sets for label in data.labels})
        self.fingerprint = fingerprint(row for data in data_sets for row in _all_rows(data))

    @property
    def parts(self) -> dict[str, list[Row]]:  # type: ignore[override]
        """The rows of all data sets, by part."""
        names = dict.fromkeys(name for data in self._data_sets for name in data.parts)
        return {
            name: [row for data in self._data_sets for row in data.parts.get(name, [])]
            for name in names
        }

    @property
    def skipped(self) -> list[BadRow]:  # type: ignore[override]
        """The rows of all data sets that were left out."""
        return [bad for data in self._data_sets for bad in data.skipped]

    def annotate(self, doc: Doc, row: Row) -> None:
        """Write what's to be learnt from a row; see `DataSet.annotate`."""
        self._owner(row).annotate(doc, row)

    def _owner(self, row: Row) -> DataSet:
        return next(data for data in self._data_sets if id(row) in data.row_ids)

    def learnt_by(self, component: str, part: str) -> list[Row]:
        """Return the rows of a part that a component learns from."""
        data_sets = (data for data in self._data_sets if part in data.parts)
        return [row for data in data_sets for row in data.learnt_by(component, part)]

    def docs(self, part: str, nlp: Language) -> list[Doc]:
        """Return the tokenized texts of a part; see `DataSet.docs`."""
        return [
            doc for data in self._data_sets if part in data.parts for doc in data.docs(part, nlp)
        ]


def _all_rows(data: DataSet) -> list[Row]:
    return [row for part in data.parts.values() for row in part]


def _of_classes(reader: Reader, result: ReadResult) -> ReadResult:
    """Leave out the rows that have numbers for labels, if bad rows are.

    Raises:
        DataError: No row has a label, as all have something else to learn.
    """
    if result.rows and not any(row.labels or row.numbers for row in result.rows):
        first = result.rows[0]
        what = "tags of words" if first.tags else "spans" if first.spans else "no label"
        raise DataError(
            f"{first.source} has {what}, like all rows, and the head puts texts into classes: for labels of words and "
            "entities let [head] name seqpipe.Crf.v1 or seqpipe.TokenClassifier.v1"
        )
    numbered = [row for row in result.rows if row.numbers and not row.labels]
    if reader.on_bad_row == "error" or not numbered:
        return result
    bad = [BadRow(row.source, f"it has {no_class(row)}") for row in numbered]
    rows = tuple(row for row in result.rows if row.labels or not row.numbers)
    return ReadResult(rows, (*result.skipped, *bad))


def _leave_out(
    index: int, folds: Sequence[list[Row]], split: Callable[[list[Row]], dict[str, list[Row]]]
) -> dict[str, list[Row]]:
    """Return the parts of a run of cross-validation: a fold to test on, and the others split."""
    # Every fold is tried in the first run, so that a class too rare for a later one is reported before anything is trained.
    for other in range(1, len(folds)) if index == 0 else ():
        split([row for fold in (*folds[:other], *folds[other + 1 :]) for row in fold])
    rest = [row for fold in (*folds[:index], *folds[index + 1 :]) for row in fold]
    return {**split(rest), _TEST: folds[index]}


def _check_fold(fold: Mapping[str, int]) -> None:
    """Check which fold is left out.

    Raises:
        ConfigError: There's no such fold.
    """
    index, count = fold.get("index", -1), fold.get("count", 0)
    if set(fold) != {"index", "count"} or count < 2 or not 0 <= index < count:
        raise ConfigError(
            f"the fold {dict(fold)} can't be left out: write such as "
            '{"index": 0, "count": 5}, with an index below the count',
            setting="fold",
        )


def _texts(rows: Sequence[Row]) -> Iterator[str]:
    """Yield all texts of rows, of pairs both."""
    for row in rows:
        yield row.text
        if row.pair is not None:
            yield row.pair


def _too_long(row: Row, most: int) -> str:
    """Return what's wrong with a row whose text is longer than a pipeline takes; empty for any other."""
    length = max(len(row.text), len(row.pair or ""))
    if length <= most:
        return ""
    return (
        f"has a text of {length:,} characters, and spaCy takes {most:,} at most: split it into several rows, or "
        "leave it out"
    )


def _tokenized(nlp: Language, row: Row) -> Doc:
    if problem := _too_long(row, nlp.max_length):
        raise DataError(f"{row.source} {problem}")
    if row.pair is not None:
        texts = (tokenized(nlp.tokenizer, text) for text in (row.text, row.pair))
        return join_pair(*texts)
    if row.words is not None:
        return Doc(nlp.vocab, words=row.words, spaces=row.spaces)
    return tokenized(nlp.tokenizer, row.text)


def _check_readers(readers: Mapping[str, Reader], section: str = "data") -> str:
    """Return the name of the reader whose rows are split.

    Raises:
        ConfigError: There's none, or one gives no labels.
    """
    whole = _WHOLE if _WHOLE in readers else "train"
    if whole not in readers:
        raise ConfigError(f"[{section}] says nothing of where the rows for training come from")
    for name, reader in readers.items():
        _check_labelled(name, reader, section)
    return whole


def _check_labelled(part: str, reader: Any, section: str) -> None:
    if not isinstance(reader, Reader):
        where = f"[{section}]" if part == _WHOLE else f"[{section}.{part}]"
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

    It's read when it's first asked for, once for all corpora of a pipeline that say the same of their data.

    Args:
        readers: The readers by part; that of the whole is called "data".
        part: Which part of it.
        fractions: The share of each part that's split off.
        seed: Decides the split.
        tasks: What is learnt from the rows, by component; by default classes of texts.
        fold: For cross-validation: which fold is the test part; see `DataSet`.
        own: The readers of components that learn from rows of their own, and from no others; by component, and by part.

    Raises:
        ConfigError: Nothing says where the rows come from, or there's no such fold.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        part: str,
        *,
        fractions: Mapping[str, float],
        seed: int,
        tasks: Mapping[str, Task] | None = None,
        fold: Mapping[str, int] | None = None,
        own: Mapping[str, Mapping[str, Reader]] | None = None,
    ) -> None:
        self._own = own or {}
        shared = {} if tasks is None else {k: v for k, v in tasks.items() if k not in self._own}
        if readers or shared or not self._own:
            _check_readers(readers)
        for name, of_head in self._own.items():
            _check_readers(of_head, f"heads.{name}.data")
        if fold is not None:
            _check_fold(fold)
        self.fold = fold
        self._readers = readers
        self.part = part
        self._fractions = fractions
        self._seed = seed
        self._tasks = tasks
        self._data: DataSet | None = None

    def read(self, nlp: Language) -> DataSet:
        """Return the data set, read once for all corpora of a pipeline.

        Raises:
            DataError: As the readers and `split_rows`; or the data set has no such part.
        """
        if self._data is None:
            data_sets = context_of(nlp).data_sets
            if (key := self._key()) not in data_sets:
                data_sets[key] = self._read()
            self._data = _with_part(data_sets[key], self.part)
        return self._data

    def _read(self) -> DataSet:
        settings: Any = {"fractions": self._fractions, "seed": self._seed, "fold": self.fold}
        if not self._own:
            return DataSet(self._readers, tasks=self._tasks, **settings)
        tasks = self._tasks or {}
        shared = {name: task for name, task in tasks.items() if name not in self._own}
        data_sets = [DataSet(self._readers, tasks=shared, **settings)] if self._readers else []
        for name, readers in self._own.items():
            data_sets.append(DataSet(readers, tasks={name: tasks[name]}, **settings))
        return JoinedData(data_sets)

    def _key(self) -> Any:
        # Each corpus has tasks, and readers, of its own, made by the same settings.
        tasks = tuple(
            (name, type(task), repr(sorted(vars(task).items())))
            for name, task in (self._tasks or {}).items()
        )
        own = tuple((name, tuple(readers.items())) for name, readers in self._own.items())
        fold = self.fold and tuple(sorted(self.fold.items()))
        fractions = tuple(self._fractions.items())
        return tuple(self._readers.items()), fractions, self._seed, tasks, fold, own

    def is_same(self, other: object, nlp: Language) -> bool:
        """Say whether another corpus yields the same part of the same data."""
        if not isinstance(other, Corpus):
            return False
        return self.part == other.part and self.read(nlp) is other.read(nlp)

    def rows(self, nlp: Language) -> list[Row]:
        """Return the rows of the part; see `read`."""
        return self.read(nlp).parts[self.part]

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Yield the examples. Texts are tokenized the first time, and for each other tokenizer."""
        data = self.read(nlp)
        empty = Example(Doc(nlp.vocab), Doc(nlp.vocab))
        # First, as it leaves out rows that can't be learnt.
        docs = data.docs(self.part, nlp)
        for row, doc in zip(self.rows(nlp), docs, strict=True):
            reference = doc.copy()
            data.annotate(reference, row)
            yield _like(empty, doc.copy(), reference)

    def sequences(self, nlp: Language) -> Iterator[Sequence[str]]:
        """Yield the words of one text after another; white space is none."""
        for doc in self.read(nlp).docs(self.part, nlp):
            start = 0
            for length in text_lengths(doc):
                yield [token.text for token in doc[start : start + length] if not token.is_space]
                start += length


def _like(empty: Example, predicted: Doc, reference: Doc) -> Example:
    """Return `Example(predicted, reference)` without its lists of words, as pickle would: from the state of another one.

    spaCy's constructor lists the text of each token of both docs, in twenty times the time and with 100 bytes for each.
    An example lists them anew for its first alignment, and nothing reads them before.

    Args:
        empty: An example of two docs without words.
        predicted: The doc that a pipeline is given.
        reference: The doc with the truth.
    """
    make, given, *states = empty.__reduce__()
    if len(states) != 1 or not hasattr(Example, "__setstate__"):
        return Example(predicted, reference)
    docs = {id(empty.predicted): predicted, id(empty.reference): reference}
    example: Example = make(*given)
    example.__setstate__(tuple(docs.get(id(value), value) for value in states[0]))
    return example


def _with_part(data: DataSet, part: str) -> DataSet:
    """Return a data set that has a part."""
    if part not in data.parts:
        parts = ", ".join(sorted(data.parts))
        raise DataError(f"[data] has no {part!r} part, only {parts}: add a share of it to `split`")
    return data


def make_corpus(
    part: str,
    split: dict[str, float],
    seed: int = 0,
    data: Reader | None = None,
    train: Reader | None = None,
    dev: Reader | None = None,
    test: Reader | None = None,
    task: Task | None = None,
    # confection checks the values before it makes them.
    tasks: dict[str, Any] | None = None,
    own: dict[str, Any] | None = None,
    fold: dict[str, int] | None = None,
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
        tasks: Instead, where several components learn from them: each one's task, by their names.
        own: The readers of those components that learn from rows of their own: by component, and by "data" or part.
        fold: For cross-validation: of "count" folds, the one of this "index" takes the place of the test part.

    Raises:
        ConfigError: Nothing says where the rows come from, or there's no such fold.
    """
    readers = {_WHOLE: data, "train": train, "dev": dev, "test": test}
    given = {name: reader for name, reader in readers.items() if reader is not None}
    learnt = tasks or ({"task": task} if task else None)
    return Corpus(given, part, fractions=split, seed=seed, tasks=learnt, fold=fold, own=own)
