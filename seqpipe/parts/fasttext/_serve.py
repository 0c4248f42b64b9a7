"""Runs in the process that the library trains in.

It ends as soon as its standard input does, which is when the process that started it ends, however that
happens.
"""

import contextlib
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from seqpipe.workers._process import leave_end_to_parent

_SECONDS_BETWEEN_OFFSETS = 0.1


def begin(corpus: Path | None) -> None:
    """End with the process that started this one, and report progress until then.

    Args:
        corpus: Report how far this file has been read, since the library is silent while one thread trains.
            None to report nothing.
    """
    leave_end_to_parent()
    if corpus is not None:
        threading.Thread(target=_report_offsets, args=(corpus,), daemon=True).start()


def train(settings: Mapping[str, Any], *, fixed: Collection[str] = ()) -> Any:
    """Train a model of the library's.

    Args:
        settings: By the library's names. Its enumerations are given by name too.
        fixed: The names of those that autotuning leaves as they are.

    Raises:
        SystemExit: The library failed; the message says how.
    """
    # Below the library's own Python layer, which has no way to set the seed.
    import fasttext_pybind as library  # type: ignore[import-not-found, unused-ignore]

    arguments = library.args()
    enumerations = {"model": library.model_name, "loss": library.loss_name}
    for name, value in settings.items():
        of = enumerations.get(name)
        setattr(arguments, name, getattr(of, value) if of else value)
    for name in fixed:
        arguments.setManual(name)
    model = library.fasttext()
    with explained():
        library.train(model, arguments)
    return model


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """End the process with a message where the library raises."""
    try:
        yield
    except (RuntimeError, ValueError, MemoryError) as error:
        raise SystemExit(_explain(error)) from error


def _explain(error: Exception) -> str:
    hint = "; a smaller `learning_rate` helps" if "NaN" in str(error) else ""
    return f"the fastText library stopped: {str(error) or type(error).__name__}{hint}"


def _report_offsets(path: Path) -> None:
    corpus = path.stat()
    while True:
        for descriptor in range(3, 64):
            offset = _offset(descriptor, corpus)
            if offset is not None:
                os.write(2, f"Offset: {offset}\n".encode())
        time.sleep(_SECONDS_BETWEEN_OFFSETS)


def _offset(descriptor: int, file: os.stat_result) -> int | None:
    try:
        if not os.path.samestat(os.fstat(descriptor), file):
            return None
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return None
