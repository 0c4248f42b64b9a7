"""Predictions written in parts, each whole or not at all, so that what was stopped can go on."""

import hashlib
import json
import os
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby, islice
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from spacy.util import get_package_path, is_package

from seqpipe import storage
from seqpipe.errors import DataError
from seqpipe.inference._encoding import Encoder
from seqpipe.inference._sources import Item
from seqpipe.inference._work import Done, Failed
from seqpipe.messages import show

#: So many records are predicted for at once.
BATCH: Final = 256
_PLAN: Final = "job.json"
_PARTS: Final = ".parts"
_ERRORS: Final = "errors.jsonl"
#: The names of what a job writes into a folder; those that begin with a dot are of files that aren't whole yet.
_OWN: Final = re.compile(
    r"part-\d{5,}\.(jsonl|csv|tsv|parquet)|errors-\d{5,}\.jsonl|_errors\.jsonl|job\.json"
    r"|\..*\.seqpipe-part-[0-9a-f]+"
)
#: In a folder, it isn't to be taken for a part.
_FOLDER_ERRORS: Final = "_errors.jsonl"

#: Takes batches, and yields what comes of each, in their order.
Engine: TypeAlias = Callable[[Iterable[Sequence[Item]]], Iterator[Done]]


def batches_of(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items in lists of `BATCH`, of which the last may be shorter."""
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch


def write_stream(
    batches: Iterable[Sequence[Item]],
    engine: Engine,
    encoder: Encoder,
    out: IO[bytes],
    on_done: Callable[[Done], None],
) -> None:
    """Write what's predicted for each batch as soon as it's there.

    Args:
        batches: The batches.
        engine: What predicts.
        encoder: What the engine writes with.
        out: Where to.
        on_done: Called with what came of each batch.
    """
    out.write(encoder.begin())
    out.flush()
    for done in engine(batches):
        out.write(b"".join(done.data))
        out.flush()
        on_done(done)


@dataclass(frozen=True)
class Plan:
    """What makes two jobs the same, so that the one may go on with the parts of the other.

    Attributes:
        model: What's in the model: a hash of its files.
        settings: All that has a bearing on what's written.
        inputs: The files, with size and time of their last change.
        part_size: How many records a part has.
    """

    model: str
    settings: Mapping[str, Any]
    inputs: Sequence[Sequence[Any]]
    part_size: int

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON can hold it."""
        told: dict[str, Any] = json.loads(json.dumps(vars(self), default=vars))
        return told


def model_hash(model: str) -> str:
    """Return a hash of what's in a model: its manifest, or else the sizes and times of its files."""
    folder = get_package_path(model) if is_package(model) else Path(model)
    manifest = folder / "seqpipe-manifest.json"
    if manifest.is_file():
        return hashlib.sha256(manifest.read_bytes()).hexdigest()
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    states = [[str(f.relative_to(folder)), f.stat().st_size, f.stat().st_mtime_ns] for f in files]
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()


def input_state(path: str) -> list[Any]:
    """Return what tells an input from a changed one: its path, size and time of the last change."""
    state = Path(path).stat()
    return [str(Path(path).absolute()), state.st_size, state.st_mtime_ns]


class Parts:
    """The parts of a job's output, in a folder: each is there whole, or not at all.

    Args:
        output: The file that the parts are joined to in the end, or a folder where they stay.
        is_folder: Which of them.
        plan: What's done.
        errors: The file that says which records failed; None for one beside the output.
        resume: Whether to go on with parts that are there.
        overwrite: Whether to replace an output, or parts, that are there.

    Raises:
        DataError: The output is there; or parts of this job are, without `resume`; or of another job.
    """

    def __init__(
        self,
        output: Path,
        *,
        is_folder: bool,
        plan: Plan,
        errors: Path | None,
        resume: bool,
        overwrite: bool,
    ) -> None:
        self.output, self.is_folder, self.plan = output, is_folder, plan
        self.folder = output if is_folder else output.with_name(output.name + _PARTS)
        beside = output.with_name(f"{output.name}.{_ERRORS}")
        self.errors = errors or (output / _FOLDER_ERRORS if is_folder else beside)
        self._is_named = errors is not None
        self._goes_on = resume and self._begun() is not None
        self._check(resume=resume, overwrite=overwrite)

    def _check(self, *, resume: bool, overwrite: bool) -> None:
        shown, begun = show(str(self.output)), self._begun()
        if self.folder.is_file() or (self.folder.is_dir() and self._strangers()):
            raise DataError(
                f"{show(str(self.folder))} is there already, with other things than predictions in it: name another output"
            )
        if self.is_complete and not overwrite:
            if self.is_folder and resume:
                self._check_same(begun or {})
                return
            raise DataError(
                f"{shown} is there already, and whole: name another output, or add --overwrite"
            )
        if begun is None or (overwrite and not resume):
            self._check_errors(overwrite=overwrite)
            return
        if not resume:
            raise DataError(
                f"{show(str(self.folder))} has parts of predictions that were stopped: add --resume to go on with them, or "
                "--overwrite to begin anew"
            )
        self._check_same(begun)

    def _check_errors(self, *, overwrite: bool) -> None:
        if self.errors.absolute() == self.output.absolute():
            raise DataError(
                f"{show(str(self.output))} is named for what's predicted and for what failed: name another file by --errors"
            )
        if self.errors.exists() and not overwrite:
            raise DataError(
                f"{show(str(self.errors))}, where records that fail are written, is there already: name another file by "
                "--errors, or add --overwrite"
            )

    def _check_same(self, begun: Mapping[str, Any]) -> None:
        if changed := _differences(begun, self.plan.to_json()):
            raise DataError(
                f"{show(str(self.folder))} has parts of other predictions: {', '.join(changed)} differs. Without --resume, "
                "--overwrite begins anew"
            )

    def _strangers(self) -> list[str]:
        """Return the names of what's in the folder that no job of ours has written."""
        has_plan = self._plan() is not None
        return [
            file.name
            for file in self.folder.iterdir()
            if not (_OWN.fullmatch(file.name) and file.is_file() and (has_plan or _is_hidden(file)))
            and file != self.errors
        ]

    @property
    def is_complete(self) -> bool:
        """Whether the output is there, and nothing is left to do."""
        if self.is_folder:
            return bool((self._begun() or {}).get("is_complete"))
        return self.output.exists() and self._begun() is None

    def _begun(self) -> dict[str, Any] | None:
        """Return the plan of the job whose parts are there; None if there are none."""
        found = self._plan()
        # Before there's a part, nothing is lost by beginning anew.
        is_begun = found is not None and (found["is_complete"] or self._parts())
        return found if is_begun else None

    def _plan(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.folder / _PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        is_ours = isinstance(found, dict) and {*self.plan.to_json(), "is_complete"} == {*found}
        return found if is_ours else None

    def _parts(self) -> list[Path]:
        return [file for file in self.folder.glob("part-*") if _OWN.fullmatch(file.name)]

    def begin(self) -> None:
        """Make the folder, without parts of another job."""
        if not self._goes_on:
            there = self.folder.iterdir() if self.folder.is_dir() else ()
            for file in [file for file in there if _OWN.fullmatch(file.name)]:
                file.unlink()
        self._write_plan(is_complete=False)

    def _write_plan(self, *, is_complete: bool) -> None:
        plan = {**self.plan.to_json(), "is_complete": is_complete}
        storage.write_text(self.folder / _PLAN, json.dumps(plan, indent=1) + "\n")

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.{self.plan.settings['format']}"

    def _errors_of(self, number: int) -> Path:
        return self.folder / f"errors-{number:05d}.jsonl"

    def has(self, number: int) -> bool:
        """Return whether a part is there, whole."""
        return self._path(number).exists()

    def write(
        self, number: int, encoder: Encoder, pieces: Sequence[bytes], failed: Sequence[Failed]
    ) -> None:
        """Write a part; which records of it failed comes first, as a part that's there isn't looked at again."""
        if failed:
            storage.write_text(self._errors_of(number), "".join(map(error_line, failed)))
        else:
            # Of a try that ended before the part was there.
            self._errors_of(number).unlink(missing_ok=True)
        storage.write_file(self._path(number), lambda file: file.write(encoder.join(pieces)))

    def finish(self, encoder: Encoder, parts: int) -> Path | None:
        """Join so many parts, if the output is a file, and what failed of them.

        Returns:
            The file that says which records failed; None if none did.
        """
        errors = [each for n in range(parts) if (each := self._errors_of(n)).exists()]
        if errors:
            storage.write_file(self.errors, lambda file: _copy(errors, file))
        elif self._is_named:
            storage.write_text(self.errors, "")
        else:
            # Of a job that this one replaces.
            self.errors.unlink(missing_ok=True)
        if self.is_folder:
            self._write_plan(is_complete=True)
            for each in errors:
                each.unlink()
        else:
            files = [self._path(number) for number in range(parts)]
            storage.write_file(self.output, lambda file: encoder.join_files(files, file))
            # Renamed first: a removal that's cut short leaves only a hidden folder.
            hidden = self.folder.with_name(f".{self.folder.name}.seqpipe-part-{os.getpid()}")
            shutil.rmtree(self.folder.rename(hidden))
        return self.errors if errors else None


def write_parts(
    items: Iterable[Item],
    engine: Engine,
    encoder: Encoder,
    parts: Parts,
    *,
    on_done: Callable[[Done], None],
    on_kept: Callable[[int], None],
) -> Path | None:
    """Write what's predicted for records in parts; those that are there are passed over.

    Args:
        items: The records.
        engine: What predicts.
        encoder: What the engine writes with.
        parts: Where to.
        on_done: Called with what came of each batch.
        on_kept: Called with the number of records of each part that was there.

    Returns:
        The file that says which records failed; None if none did.
    """
    parts.begin()
    # The part of each batch that the engine has taken, and hasn't given back yet.
    taken: deque[int] = deque()
    total = 0

    def batches() -> Iterator[list[Item]]:
        nonlocal total
        for number, part in _cut(items, parts.plan.part_size):
            total = number + 1
            if parts.has(number):
                on_kept(sum(1 for _ in part))
                continue
            for batch in batches_of(part):
                taken.append(number)
                yield batch

    results = ((taken.popleft(), done) for done in engine(batches()))
    for number, of_part in groupby(results, key=lambda result: result[0]):
        pieces: list[bytes] = []
        failed: list[Failed] = []
        for _, done in of_part:
            pieces += done.data
            failed += done.failed
            on_done(done)
        parts.write(number, encoder, pieces, failed)
    return parts.finish(encoder, total)


def _cut(items: Iterable[Item], size: int) -> Iterator[tuple[int, Iterator[Item]]]:
    """Yield the number of each part and its items, of which there's at least one; they have to be read before the next part."""
    rest = iter(items)
    for number in count():
        first = next(rest, None)
        if first is None:
            return
        yield number, _with_first(first, islice(rest, size - 1))


def _with_first(first: Item, others: Iterator[Item]) -> Iterator[Item]:
    yield first
    yield from others


def error_line(failed: Failed) -> str:
    """Return a line of JSON that says which record failed, and why."""
    told = {
        "place": failed.item.place,
        "id": failed.id,
        "reason": failed.reason,
        "record": failed.item.record,
    }
    text = json.dumps(told, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _is_hidden(file: Path) -> bool:
    return file.name.startswith(".")


def _copy(files: Sequence[Path], out: IO[bytes]) -> None:
    for file in files:
        with file.open("rb") as opened:
            shutil.copyfileobj(opened, out)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between the plans of two jobs."""
    whats = {"model": "the model", "inputs": "the files", "part_size": "--part-size"}
    found = [what for name, what in whats.items() if before.get(name) != now[name]]
    old, new = before.get("settings") or {}, now["settings"]
    return found + [f"`{name}`" for name in new if old.get(name) != new[name]]
