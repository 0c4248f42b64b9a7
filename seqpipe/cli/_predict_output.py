"""Shows how far `seqpipe predict` is, which records failed, and what came out, all on standard error."""

import contextlib
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seqpipe.cli.plugins._screen import make_console
from seqpipe.errors import SavedModelError
from seqpipe.inference import Done, Records, error_line
from seqpipe.messages import plural
from seqpipe.reporting import escaped

#: So many failures are told one by one.
_SHOWN: Final = 5


class PredictScreen(contextlib.AbstractContextManager["PredictScreen"]):
    """Shows progress on a terminal, and in the end how many records there were, how fast, and how many failed.

    Args:
        records: What's read, whose position is shown.
        quiet: Whether to show failures only.
        errors: A file for them, if the output is a stream; None to show them.
        is_shown: Whether there's an output beside the screen, so that progress doesn't run into it.
    """

    def __init__(
        self, records: Records, *, quiet: bool, errors: Path | None, is_shown: bool
    ) -> None:
        self._records, self._quiet, self._is_shown = records, quiet, is_shown
        self._console = make_console(sys.stderr)
        self._count = self._words = self._failed = self._kept = 0
        self._start = time.monotonic()
        self._errors: IO[str] | None = None
        self._path = None if is_shown else errors
        self._bar: Progress | None = None

    def __enter__(self) -> "PredictScreen":
        self._start = time.monotonic()
        if self._path is not None:
            if self._path.exists() and self._path.stat().st_size:
                raise SavedModelError(
                    f"{self._path} is there already: name another file by --errors"
                )
            try:
                self._errors = self._path.open("w", encoding="utf-8")
            except OSError as error:
                raise SavedModelError(f"{self._path} can't be written: {error.strerror}") from error
        if self._is_shown and not self._quiet and self._console.is_terminal:
            self._bar = Progress(
                BarColumn(30),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.description}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.add_task("", total=self._records.size)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._errors is not None:
            self._errors.close()
        if error is None and not self._is_shown:
            self._summarise()
            if self._failed and self._path is not None:
                self._print(f"failed: see {escaped(self._path)}")

    def done(self, done: Done) -> None:
        """A batch is done."""
        self._count += done.records
        self._words += done.words
        for failed in done.failed:
            self._failed += 1
            if self._errors is not None:
                self._errors.write(error_line(failed))
            elif not self._is_shown or self._failed <= _SHOWN:
                self._print(f"{escaped(failed.item.place)}: {escaped(failed.reason)}")
        self._advance()

    def kept(self, count: int) -> None:
        """A part was there already."""
        self._kept += count
        self._advance()

    def notice(self, text: str) -> None:
        """Say what keeps the work from going on, even with --quiet: nothing else would be seen of it."""
        self._print(f"warning: {escaped(text)}")

    def _advance(self) -> None:
        if self._bar is None:
            return
        task = self._bar.task_ids[0]
        rate = self._count / max(time.monotonic() - self._start, 1e-3)
        told = f"{self._count + self._kept:,} records, {rate:,.0f}/s"
        self._bar.update(task, completed=self._records.position or 0, description=told)

    def finish(self, output: Path, failed: Path | None, *, resumed: bool) -> None:
        """Say what came out, and of a job that was gone on with whether anything was left."""
        if self._bar is not None:
            self._bar.stop()
        if resumed and not self._count and not self._kept:
            self._say(f"{escaped(output)} is there already: nothing was left to do")
            return
        self._summarise()
        if self._kept:
            self._say(f"{plural(self._kept, 'record')} were predicted for before")
        if failed is not None:
            # Those of parts that were there before, too.
            with failed.open("rb") as lines:
                count = sum(1 for _ in lines)
            self._print(f"{plural(count, 'record')} failed: see {escaped(failed)}")
        self._say(f"predictions: {escaped(output)}")

    def stopped(self, output: Path) -> str:
        """Return what to say of a job that was stopped."""
        if self._records.is_stream:
            return f"stopped; the parts that are done are in {output}.parts"
        return f"stopped; what's done of {output} is kept, and the same command with --resume goes on with it"

    def _summarise(self) -> None:
        seconds = max(time.monotonic() - self._start, 1e-3)
        rates = f"{self._count / seconds:,.0f} records/s, {self._words / seconds:,.0f} words/s"
        failed = f"; {self._failed:,} failed" if self._failed else ""
        self._say(f"{plural(self._count, 'record')} in {seconds:.1f} s ({rates}){failed}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._print(text)

    def _print(self, text: str) -> Any:
        self._console.print(text, soft_wrap=True)
