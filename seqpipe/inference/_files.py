"""Predictions for whole files, folders of them, and streams."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

from seqpipe.errors import ConfigError, DataError
from seqpipe.inference._cluster import in_cluster
from seqpipe.inference._encoding import Encoder, columns_of, make_encoder
from seqpipe.inference._job import (
    BATCH,
    Engine,
    Parts,
    Plan,
    batches_of,
    input_state,
    model_hash,
    write_parts,
    write_stream,
)
from seqpipe.inference._predictor import Predictor, trained_on
from seqpipe.inference._sources import STDIN, Format, Input, Item, Reading, input_files
from seqpipe.inference._work import Done, Work, in_processes, in_this_process
from seqpipe.messages import show

#: So many records of a stream wait to be predicted for.
_WAITING: Final = 8 * BATCH
#: The settings of a reader of tables that hold for other tables, too.
_OF_TABLES: Final = ("quote", "header", "encoding")


def reading_of(predictor: Predictor, format: Format | None, given: Mapping[str, Any]) -> Reading:
    """Return how files are read: as it's said, and otherwise as the data was that the pipeline was trained on.

    Args:
        predictor: The predictor.
        format: The format, if it's said.
        given: Settings of `Reading` by name, those that are said.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """
    trained = trained_on(predictor.nlp)
    settings = {name: trained[name] for name in _OF_TABLES if name in trained}
    if isinstance(settings.get("encoding"), list | tuple):
        settings["encoding"] = settings["encoding"][0]
    return Reading(format, **{**settings, **given})


class Records(contextlib.AbstractContextManager["Records"]):
    """The records of several inputs, one after another, and how far they have been read; at its end, files are closed.

    Args:
        paths: Files, folders and patterns of files; "-" for standard input.
        reading: How they're read.
        stdin: Standard input.

    Attributes:
        files: The files that are read, in their order.
        size: How many bytes they have; None if that's unknown.

    Raises:
        DataError: One isn't there.
    """

    def __init__(
        self, paths: Sequence[str], reading: Reading, stdin: IO[bytes] | None = None
    ) -> None:
        self.files = input_files(paths)
        self.reading = reading
        self.is_stream = STDIN in self.files
        sizes = [] if self.is_stream else [Path(file).stat().st_size for file in self.files]
        self.size = None if self.is_stream else sum(sizes)
        self._stdin = stdin
        self._before = 0
        self._input: Input | None = None
        self._rest = self._all()

    def _all(self) -> Iterator[Item]:
        for file in self.files:
            self._input = Input(file, self.reading, self._stdin if file == STDIN else None)
            yield from self._input.items()
            if not self.is_stream:
                self._before += Path(file).stat().st_size

    def __exit__(self, *error: object) -> None:
        """Close the file that's being read."""
        if self._input is not None:
            self._input.close()

    @property
    def position(self) -> int | None:
        """How many bytes have been read; None if that's unknown."""
        if self.size is None or self._input is None:
            return None
        return min(self.size, self._before + (self._input.position or 0))

    def __iter__(self) -> Iterator[Item]:
        """Yield those records that haven't been read yet."""
        return self._rest

    def look(self) -> tuple[Format, Sequence[str]]:
        """Return the format of the first input and the columns of its first good record, which are read for it and not lost."""
        looked: list[Item] = []
        for item in self._rest:
            looked.append(item)
            if not item.problem or len(looked) == BATCH:
                break
        self._rest = chain(looked, self._rest)
        format: Format = self._input.format if self._input else self.reading.format or "lines"
        good = next((item for item in looked if not item.problem), None)
        named = self._input.columns if self._input else None
        return format, named or ([] if good is None else columns_of(good.record))


def predict_to_stream(
    predictor: Predictor,
    records: Records,
    out: IO[bytes],
    *,
    format: Format | None = None,
    workers: int = 1,
    cluster: str | None = None,
    on_done: Callable[[Done], None],
    on_notice: Callable[[str], None] = lambda text: None,
) -> None:
    """Predict for records, and write each batch as soon as it's done.

    From standard input, whatever has come is taken as a batch: each line by itself, if lines come slowly. In the end the
    records' files are closed.

    Args:
        predictor: What predicts.
        records: The records.
        out: Where what comes out is written.
        format: The format of that; None for that of the records.
        workers: How many processes share the work.
        cluster: The address of a cluster of Dask's that does it instead; see `in_cluster`.
        on_done: Called with what came of each batch, in their order.
        on_notice: Called with what should be said while the work goes on; see `in_cluster`.

    Raises:
        ConfigError: The format can't be written to a stream.
        DataError: The records can't be read any further.
    """
    with records:
        encoder = _encoder(predictor, records, format)
        if encoder.format == "parquet":
            raise ConfigError("Parquet can't be written to a stream: name a file by --output")
        batches = _as_they_come(records) if records.is_stream else batches_of(records)
        work = Work(predictor, encoder)
        engine = _engine(work, workers, cluster, is_slow=records.is_stream, on_notice=on_notice)
        write_stream(batches, engine, encoder, out, on_done)


def predict_to_file(
    predictor: Predictor,
    records: Records,
    output: Path,
    *,
    is_folder: bool = False,
    format: Format | None = None,
    workers: int = 1,
    cluster: str | None = None,
    part_size: int = 10_000,
    resume: bool = False,
    overwrite: bool = False,
    errors: Path | None = None,
    on_done: Callable[[Done], None],
    on_kept: Callable[[int], None],
    on_notice: Callable[[str], None] = lambda text: None,
) -> Path | None:
    """Predict for records, and write a file, whole or not at all; or a folder of parts, each whole or not at all.

    Args:
        predictor: What predicts.
        records: The records.
        output: The file or the folder.
        is_folder: Whether it's a folder.
        format: The format of the output; None for that of the records.
        workers: How many processes share the work.
        cluster: The address of a cluster of Dask's that does it instead; see `in_cluster`.
        part_size: How many records a part has. Until a file is whole, its parts are in a folder beside it.
        resume: Whether to go on with parts that are there.
        overwrite: Whether to replace an output, or parts, that are there.
        errors: The file that says which records failed; None for one beside the output.
        on_done: Called with what came of each batch, in their order.
        on_kept: Called with the number of records of each part that was there.
        on_notice: Called with what should be said while the work goes on; see `in_cluster`.

    Returns:
        The file that says which records failed; None if none did.

    Raises:
        ConfigError: The format can't be written.
        DataError: The output is there already, or the records can't be read any further.
        SavedModelError: The output can't be written.
    """
    with records:
        if resume and records.is_stream:
            raise ConfigError(
                "--resume needs files: what came from standard input doesn't come again"
            )
        encoder = _encoder(predictor, records, format)
        plan = Plan(
            model=model_hash(predictor.model),
            settings={
                **{
                    k: v
                    for k, v in predictor.__getstate__().items()
                    if k not in ("model", "threads")
                },
                "reading": vars(records.reading),
                "errors": None if errors is None else str(errors.absolute()),
                "format": encoder.format,
            },
            inputs=[input_state(file) for file in records.files if file != STDIN],
            part_size=part_size,
        )
        parts = Parts(
            output,
            is_folder=is_folder,
            plan=plan,
            errors=errors,
            resume=resume,
            overwrite=overwrite,
        )
        _check_apart(records.files, [output, parts.errors], parts.folder)
        if is_folder and resume and not overwrite and parts.is_complete:
            return None
        work = Work(predictor, encoder)
        engine = _engine(work, workers, cluster, is_slow=records.is_stream, on_notice=on_notice)
        return write_parts(records, engine, encoder, parts, on_done=on_done, on_kept=on_kept)


def _check_apart(files: Sequence[str], outputs: Sequence[Path], folder: Path) -> None:
    """Check that nothing is read that will be written.

    Raises:
        DataError: Something is.
    """
    ours = [path for path in outputs if path.is_file()]
    for file in files:
        is_read = file != STDIN and (
            any(path.samefile(file) for path in ours)
            or folder.resolve() in Path(file).resolve().parents
        )
        if is_read:
            raise DataError(
                f"{show(file)} would be read as well as written: name another output, or other inputs"
            )


def _encoder(predictor: Predictor, records: Records, format: Format | None) -> Encoder:
    own, columns = records.look()
    is_same = format is None or format == own
    reading = records.reading
    return make_encoder(
        format or own,
        columns,
        predictor.schema,
        predictor.prefix,
        delimiter=reading.delimiter if is_same else None,
        quote=reading.quote if is_same else '"',
        header=reading.header or own not in ("csv", "tsv"),
    )


def _engine(
    work: Work,
    workers: int,
    cluster: str | None,
    *,
    is_slow: bool,
    on_notice: Callable[[str], None],
) -> Engine:
    if cluster is not None:
        return partial(in_cluster, work, address=cluster, is_slow=is_slow, on_notice=on_notice)
    if workers == 1:
        return partial(in_this_process, work)
    return partial(in_processes, work, count=workers, is_slow=is_slow)


class _End:
    """What comes after the last record."""


def _as_they_come(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield what has come since the last batch, at most `BATCH` records, without waiting for more."""
    waiting: queue.Queue[Item | _End | BaseException] = queue.Queue(_WAITING)

    def read() -> None:
        try:
            for item in items:
                waiting.put(item)
        except BaseException as error:
            waiting.put(error)
        waiting.put(_End())

    threading.Thread(target=read, daemon=True).start()
    while True:
        batch: list[Item] = []
        found = waiting.get()
        while isinstance(found, Item):
            batch.append(found)
            if len(batch) == BATCH or waiting.empty():
                break
            found = waiting.get()
        if batch:
            yield batch
        if isinstance(found, BaseException):
            raise found
        if isinstance(found, _End):
            return
