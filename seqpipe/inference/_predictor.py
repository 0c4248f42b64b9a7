"""A saved pipeline in use: batches of records in, plain values out."""

import contextlib
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final

from spacy.language import Language
from spacy.tokens import Doc

from seqpipe.adapters import compares_pairs, keeping_tokens
from seqpipe.devices import check_names
from seqpipe.errors import ConfigError
from seqpipe.inference._load import load_pipeline
from seqpipe.inference._outputs import Outputs
from seqpipe.inference._records import TEXT, BadRecordError, Columns, Record
from seqpipe.inference._tables import Column, find_table
from seqpipe.kernels import computing_in
from seqpipe.native import usable_threads
from seqpipe.tasks import Field, Wanted

#: So many records are predicted for at once.
_AT_ONCE: Final = 256
#: Components see so many tokens at once. Of more, their arrays are so large that the system provides new memory each time.
_TOKENS_AT_ONCE: Final = 2**15
#: From so many new strings on, those of a batch are forgotten after it. Until then they're kept, which is faster; these take some
#: 15 MB.
_MOST_STRINGS: Final = 50_000
_PAIR: Final = "text2"
#: Threads, and what's kept of tokens, are the process' own: one prediction at a time.
_LOCK: Final = threading.RLock()


@dataclass(frozen=True)
class Failure:
    """A record that there's no prediction for.

    Attributes:
        index: Its place in the batch, from 0.
        id: Its id, if it has one.
        reason: What's wrong, in words.
    """

    index: int
    id: Any
    reason: str


@dataclass(frozen=True)
class Predictions(Sequence[Mapping[str, Any] | None]):
    """What's predicted of a batch of records: a sequence with an item for each of them, in their order.

    Attributes:
        values: For each record a value for each field of the predictor's schema; None for one that failed.
        failures: Those that failed, in their order.
        words: How many tokens there were in all.
    """

    values: Sequence[Mapping[str, Any] | None]
    failures: Sequence[Failure] = ()
    words: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return self.values[index]


@dataclass
class _Loaded:
    """What a process has of a predictor once it's used."""

    nlp: Language
    outputs: Outputs
    columns: Columns
    strings: int = field(init=False)

    def __post_init__(self) -> None:
        self.strings = len(self.nlp.vocab.strings)


class Predictor:
    """Predicts by a saved pipeline, for texts of any form, one process or many.

    It can be pickled: what's pickled is where the model is and the settings, and each process loads the model when it
    first needs it. It knows nothing of what runs it: a loop, a pool of processes, a server, a cluster.

    A record is a text; or a mapping, one of whose values is the text: a string, or a list of words. Whatever's wrong with a
    record, there's a `Failure` that says so, and the others are predicted for. A record whose text crashes a component is
    found by halves, and left out alone.

    Args:
        model: The folder of a saved pipeline, or the name of an installed one.
        text: The name of a record's text; of several, those that aren't empty are joined with a blank. None: what the
            pipeline was trained on called it, where a record has that, and "text" otherwise.
        pair: The name of the second text, for a pipeline that compares pairs. None: likewise, and "text2".
        id: The name of a record's id, which failures have; it may be missing.
        top: So many labels of the highest scores, in the place of those that are predicted.
        probabilities: Whether the score of each label is wanted too.
        threshold: From which score on a label, or an entity, is predicted, in the place of the model's own.
        vectors: Whether the vector of each text is wanted too.
        prefix: What comes before the names of fields where they stand among others, in tables and files.
        threads: How many threads to compute in; None for one on each core, or `OMP_NUM_THREADS`. Results are the same.
        device: Where torch computes: "cpu", "cuda", "cuda:1", "mps", or "auto" for a GPU of CUDA if there is one. Each process
            that uses the predictor looks for it by itself. None for where spaCy puts it: the CPU, unless `spacy.require_gpu()`
            was called. Scores on different devices differ by rounding.
        precision: "float32", or "bfloat16" for matrix products that are less exact and faster on recent GPUs; None for the former.

    Raises:
        ConfigError: A setting has a value that can't be used. That a pipeline has no use for one shows when it's loaded.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        text: str | Sequence[str] | None = None,
        pair: str | None = None,
        id: str = "id",
        top: int | None = None,
        probabilities: bool = False,
        threshold: float | None = None,
        vectors: bool = False,
        prefix: str = "predicted_",
        threads: int | None = None,
        device: str | None = None,
        precision: str | None = None,
    ) -> None:
        _check_settings(top, threshold, threads)
        check_names(device, precision)
        # Another process may have another working directory.
        self.model = str(Path(model).absolute()) if Path(model).exists() else str(model)
        self.text = (text,) if isinstance(text, str) else tuple(text or ())
        self.pair = pair
        self.id = id
        self.wanted = Wanted(top=top, probabilities=probabilities, threshold=threshold)
        self.vectors = vectors
        self.prefix = prefix
        self.threads = threads
        self.device = device
        self.precision = precision

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings, without the model."""
        return {key: value for key, value in self.__dict__.items() if key != "_loaded"}

    @cached_property
    def _loaded(self) -> _Loaded:
        nlp = load_pipeline(self.model, device=self.device, precision=self.precision)
        outputs = Outputs(nlp, self.wanted, vectors=self.vectors)
        return _Loaded(nlp, outputs, self._columns(nlp, outputs.fields))

    def _columns(self, nlp: Language, fields: Sequence[Field]) -> Columns:
        trained = trained_on(nlp)
        text = self.text or _names(trained, "text") or (TEXT,)
        is_pair = any(compares_pairs(pipe) for _, pipe in nlp.pipeline)
        if self.pair is not None and not is_pair:
            raise ConfigError(
                f'`pair` is "{self.pair}", and the pipeline doesn\'t compare pairs of texts',
                setting="pair",
            )
        pair = self.pair or next(iter(_names(trained, "pair")), _PAIR)
        has_spans = any(each.type == "spans" for each in fields)
        return Columns(
            text,
            pair if is_pair else None,
            is_guess=not self.text,
            keeps_line_ends=has_spans,
        )

    @property
    def nlp(self) -> Language:
        """The pipeline; it's loaded if it isn't yet.

        Raises:
            SavedModelError: It can't be loaded.
            ConfigError: It has no use for a setting, or this machine doesn't have the device.
        """
        return self._loaded.nlp

    @property
    def schema(self) -> tuple[Field, ...]:
        """What's predicted of each record, in its order. Raises what `nlp` does."""
        return self._loaded.outputs.fields

    @property
    def columns(self) -> Columns:
        """Where records have their text. Raises what `nlp` does."""
        return self._loaded.columns

    def __call__(self, batch: Any) -> Any:
        """Predict for a batch, and return what's of the same kind.

        Args:
            batch: A table: a DataFrame of pandas, a table or record batch of pyarrow, or a dictionary of columns. Or records, one
                after another, as for `predict`.

        Returns:
            A table like the one that was given, with a column for each field, whose name has the prefix before it, and a last
            one, such as "predicted_error", with what was wrong with a row, or null. For records, `Predictions`.
        """
        table = find_table(batch)
        if table is None:
            return self.predict(batch)
        found = self.predict(table.rows())
        reasons: list[str | None] = [None] * len(found)
        for failure in found.failures:
            reasons[failure.index] = failure.reason
        columns = [
            Column(self.prefix + f.name, f.type, [each and each[f.name] for each in found])
            for f in self.schema
        ]
        return table.joined([*columns, Column(f"{self.prefix}error", "string", reasons)])

    def predict(self, records: Iterable[Record]) -> Predictions:
        """Predict for records.

        Args:
            records: Texts, or mappings with one.

        Returns:
            The predictions, in the order of the records. Raises what `nlp` does, and nothing on account of a record.
        """
        with _LOCK:
            loaded = self._loaded
        given = list(records)
        values: list[Mapping[str, Any] | None] = [None] * len(given)
        failures: list[Failure] = []
        words = 0
        threads = usable_threads() if self.threads is None else self.threads
        with _LOCK, computing_in(threads):
            for start in range(0, len(given), _AT_ONCE):
                batch = list(enumerate(given[start : start + _AT_ONCE], start=start))
                with keeping_tokens(), _forgetting_strings(loaded):
                    for index, found in self._predict(loaded, batch):
                        if isinstance(found, str):
                            failures.append(Failure(index, _id_of(given[index], self.id), found))
                        else:
                            values[index], counted = found
                            words += counted
        return Predictions(values, failures, words)

    def _predict(
        self, loaded: _Loaded, batch: Sequence[tuple[int, Record]]
    ) -> Iterator[tuple[int, str | tuple[Mapping[str, Any], int]]]:
        """Yield for each record of a batch its values and number of tokens, or what's wrong with it."""
        docs: list[Doc] = []
        places: list[int] = []
        problems: dict[int, str] = {}
        for index, record in batch:
            try:
                docs.append(loaded.columns.doc(record, loaded.nlp))
                places.append(index)
            except BadRecordError as problem:
                problems[index] = str(problem)
            # Of a tokenizer, which may be a plugin's.
            except Exception as error:
                problems[index] = _shown(error)
        try:
            predicted = chain.from_iterable(
                loaded.nlp.pipe(some, batch_size=_AT_ONCE) for some in _runs(docs)
            )
            found = {
                index: (loaded.outputs.values(doc), len(doc))
                for index, doc in zip(places, predicted, strict=True)
            }
        # Of any component.
        except Exception as error:
            yield from problems.items()
            good = [each for each in batch if each[0] not in problems]
            if len(good) == 1:
                yield good[0][0], _shown(error)
                return
            half = len(good) // 2
            yield from self._predict(loaded, good[:half])
            yield from self._predict(loaded, good[half:])
            return
        for index, _ in batch:
            yield index, problems.get(index) or found[index]


def _runs(docs: Sequence[Doc]) -> Iterator[list[Doc]]:
    """Yield docs in runs of about `_TOKENS_AT_ONCE` tokens."""
    run: list[Doc] = []
    tokens = 0
    for doc in docs:
        run.append(doc)
        tokens += len(doc)
        if tokens >= _TOKENS_AT_ONCE:
            yield run
            run, tokens = [], 0
    if run:
        yield run


def trained_on(nlp: Language) -> Mapping[str, Any]:
    """Return the settings of the reader that a pipeline was trained by; nothing if its config names none."""
    corpora = nlp.config.get("corpora") or {}
    for corpus in corpora.values():
        for part in ("data", "train"):
            reader = corpus.get(part) if isinstance(corpus, Mapping) else None
            if isinstance(reader, Mapping) and "@readers" in reader:
                return reader
    return {}


def _names(reader: Mapping[str, Any], setting: str) -> tuple[str, ...]:
    """Return the names of columns that a reader's setting has; none if it counts columns of a table with a header."""
    value = reader.get(setting)
    names = value if isinstance(value, list | tuple) else [value]
    if reader.get("header") is False:
        return tuple(str(name) for name in names if name is not None)
    return tuple(map(str, names)) if all(isinstance(name, str) for name in names) else ()


def _id_of(record: Record, name: str) -> Any:
    return record.get(name) if isinstance(record, Mapping) else None


def _shown(error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"the pipeline failed: {type(error).__name__}{f': {reason}' if reason else ''}"


@contextlib.contextmanager
def _forgetting_strings(loaded: _Loaded) -> Iterator[None]:
    """Keep a pipeline from growing for ever by the words that it sees."""
    if len(loaded.nlp.vocab.strings) - loaded.strings < _MOST_STRINGS:
        yield
        return
    with loaded.nlp.memory_zone():
        yield


def _check_settings(top: int | None, threshold: float | None, threads: int | None) -> None:
    for setting, value in (("top", top), ("threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"`{setting}` is {value}; it must be at least 1", setting=setting)
    if threshold is not None and not (math.isfinite(threshold) and 0 <= threshold <= 1):
        raise ConfigError(
            f"`threshold` is {threshold}; it must be from 0 to 1", setting="threshold"
        )
