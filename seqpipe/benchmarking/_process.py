"""A pipeline in a process of its own, which measures it: nothing else shares its memory, nor warms up for it."""

import contextlib
import multiprocessing
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

from seqpipe import errors
from seqpipe.benchmarking._texts import draw_records
from seqpipe.errors import ReplacedError, SavedModelError, SeqpipeError
from seqpipe.inference import Predictor
from seqpipe.messages import show

_CONTEXT: Final = multiprocessing.get_context("spawn")
_STATUS: Final = Path("/proc/self/status")
#: Those that are made of their message.
_ERRORS: Final = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, SeqpipeError) and each is not ReplacedError
}
#: SIGKILL, which Windows doesn't know.
_KILLED: Final = 9
#: So many seconds a process whose connection has broken takes to end.
_ENDING: Final = 10


class Failure(NamedTuple):
    """An error of a process, as it's sent to the other one.

    Attributes:
        kind: The name of its class, or of the base of it that's made of a message; None for what isn't an error of seqpipe's.
        message: What it says.
    """

    kind: str | None
    message: str

    @classmethod
    def of(cls, error: Exception) -> "Failure":
        """Return what's sent of an error."""
        names = (base.__name__ for base in type(error).__mro__)
        kind = next((name for name in names if name in _ERRORS), None)
        return cls(kind, str(error) if kind else f"{type(error).__name__}: {error}")

    def error(self, model: str) -> SeqpipeError:
        """Return the error of a process that measures a model."""
        if self.kind is None:
            return SavedModelError(f"measuring {show(model)} failed: {self.message}")
        return _ERRORS[self.kind](self.message)


class Process(contextlib.AbstractContextManager["Process"]):
    """A process with a pipeline; it ends with the block.

    Args:
        settings: The settings of a `Predictor`, its model among them.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.model = str(settings["model"])
        self._here, there = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(there, settings), daemon=True)
        self._process.start()
        # Or its end couldn't be noticed.
        there.close()

    def __exit__(self, *error: object) -> None:
        """End the process, whatever it's doing."""
        self._process.kill()
        self._process.join()
        self._here.close()

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return what a method of `_Measuring` returns in the process.

        Raises:
            SeqpipeError: As the method has it.
            SavedModelError: The method failed otherwise, or the process ended.
        """
        try:
            self._here.send((name, arguments))
            found = self._here.recv()
        except (EOFError, OSError) as error:
            raise SavedModelError(
                f"the process that measures {show(self.model)} {self._ended()}"
            ) from error
        if isinstance(found, Failure):
            raise found.error(self.model)
        return found

    def _ended(self) -> str:
        """Say how the process ended."""
        self._process.join(_ENDING)
        if self._process.exitcode == -_KILLED:
            return "was killed, as the system does when memory runs out"
        return f"ended with the exit status {self._process.exitcode}"


class _Measuring:
    """What a process measures.

    Args:
        settings: Those of a `Predictor`.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._predictor = Predictor(**settings)
        self._records: Sequence[Any] = ()
        self._memory_before: int | None = None

    def load(self) -> float:
        """Load the pipeline, and return how many seconds that took."""
        self._memory_before = peak_memory()
        start = time.perf_counter()
        self._predictor.nlp  # noqa: B018 - it's loaded when it's asked for
        return time.perf_counter() - start

    def path(self) -> str | None:
        """Return the pipeline's folder."""
        path = self._predictor.nlp.path
        return None if path is None else str(path)

    def draw(self) -> list[Any]:
        """Return records of words that the pipeline knows."""
        return list(draw_records(self._predictor))

    def check(self, records: Sequence[Any]) -> dict[int, str]:
        """Predict for records, which warms up too, and return those that can't be used, with why."""
        return {each.index: each.reason for each in self._predictor.predict(records).failures}

    def take(self, records: Sequence[Any]) -> None:
        """Take the records to measure with."""
        self._records = records

    def throughput(self) -> tuple[float, int]:
        """Predict for all records, and return how many seconds it took, and how many words they have."""
        start = time.perf_counter()
        found = self._predictor.predict(self._records)
        return time.perf_counter() - start, found.words

    def latencies(self, batch: int, first: int, most: int) -> list[float]:
        """Predict for batches of records, one after another, and return how many seconds each took.

        Args:
            batch: The number of records in each.
            first: The number of the batch to begin with.
            most: How many batches.
        """
        found = []
        starts = range(0, max(1, len(self._records) - batch + 1), batch)
        for number in range(first, first + min(most, len(starts))):
            place = starts[number % len(starts)]
            records = self._records[place : place + batch]
            start = time.perf_counter()
            self._predictor.predict(records)
            found.append(time.perf_counter() - start)
        return found

    def memory(self) -> tuple[int | None, int | None]:
        """Return the most memory that the process has had, in bytes: in all, and before the pipeline was loaded."""
        return peak_memory(), self._memory_before


def peak_memory() -> int | None:
    """Return the most memory that this process has had at a time, in bytes; None where the system doesn't say."""
    if _STATUS.exists():
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next((int(e.split()[1]) * 1024 for e in lines if e.startswith("VmHWM:")), None)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def _serve(there: Connection, settings: dict[str, Any]) -> None:
    """Answer what's asked, until nobody asks any more."""
    # Ctrl-C is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    measuring: _Measuring | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            name, arguments = there.recv()
            try:
                measuring = measuring or _Measuring(settings)
                answer = getattr(measuring, name)(*arguments)
            # Of any part, which may be a plugin's.
            except Exception as error:
                answer = Failure.of(error)
            there.send(answer)
