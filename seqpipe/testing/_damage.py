"""Damages saved files one way after another, and has an embedder read them in a process of its own.

What can crash or hang doesn't take this process along.
"""

import multiprocessing
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders import Embedder
from seqpipe.testing._check import BrokenError, Factory, told

_SECONDS: Final = 10.0
_STARTING_SECONDS: Final = 120.0

#: What else might stand in a file: text, a number of elements that's far too large, another format.
_GARBAGE: Final = (b"what's this?", b"\xff" * 64, b"[]", b"{}", b"\0" * 4096)


def try_damaged(factory: Factory, folder: Path) -> None:
    """Have embedders read damaged copies of a folder.

    Args:
        factory: Makes the embedders. It's pickled.
        folder: What an embedder wrote.

    Raises:
        BrokenError: A copy was read without a `SavedModelError`, or crashed or hung the process.
    """
    damages = list(_damages(folder))
    if not damages:
        raise BrokenError("`to_disk` wrote nothing")
    here, there = multiprocessing.Pipe()
    # A fresh interpreter: torch's threads don't survive a fork.
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(factory, folder, there), daemon=True
    )
    process.start()
    there.close()
    try:
        _expect(here, _STARTING_SECONDS, "the factory")
        for damaged, what in _copies(folder, damages):
            here.send(damaged)
            if complaint := _expect(here, _SECONDS, what):
                raise BrokenError(f"{what}: {complaint}")
    finally:
        process.kill()
        process.join()
        here.close()


Damage = tuple[str, str, bytes | None]


def _damages(folder: Path) -> Iterator[Damage]:
    """Yield a file's name, what's done to it, and what it holds after; None if it's removed."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        data = path.read_bytes()
        yield name, "is missing", None
        yield name, "is empty", b""
        for kept in sorted({1, 8, len(data) // 10, len(data) // 2, len(data) - 1}):
            if 0 < kept < len(data):
                yield name, f"is cut to {kept} of {len(data)} bytes", data[:kept]
        for number, garbage in enumerate(_GARBAGE, start=1):
            yield name, f"holds something else (sample {number})", garbage


def _copies(folder: Path, damages: list[Damage]) -> Iterator[tuple[Path, str]]:
    for name, what, data in damages:
        with tempfile.TemporaryDirectory() as parent:
            copy = Path(parent) / "copy"
            shutil.copytree(folder, copy)
            if data is None:
                (copy / name).unlink()
            else:
                (copy / name).write_bytes(data)
            yield copy, f"{name} {what}"


def _expect(connection: Connection, seconds: float, what: str) -> str:
    try:
        if not connection.poll(seconds):
            raise BrokenError(f"{what}: reading it takes longer than {seconds:.0f} s")
        answer: str = connection.recv()
    except EOFError:
        raise BrokenError(f"{what}: reading it ends the process") from None
    return answer


def _serve(factory: Factory, intact: Path, connection: Connection) -> None:
    """Read each folder that comes, and send what's wrong with how that went; "" for nothing."""
    whole = factory()
    whole.from_disk(intact)
    connection.send("")
    while True:
        connection.send(_read(factory, connection.recv(), whole))


def _read(factory: Factory, folder: Path, whole: Embedder) -> str:
    embedder = factory()
    try:
        embedder.from_disk(folder)
    except SavedModelError:
        return ""
    except Exception as error:
        return told(error)
    words = [*whole.vocabulary, "zebra"]
    # What was lost may not have mattered: white space at the end, a file that nobody reads.
    same = list(embedder.vocabulary) == list(whole.vocabulary) and np.array_equal(
        embedder.embed(words), whole.embed(words)
    )
    return "" if same else "it's read without an error, and gives other vectors"
