"""Damaged copies of files, read in a process of its own that may crash, hang, or take too much memory."""

import multiprocessing
import random
import resource
import struct
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from seqpipe.errors import EmbedderError, SavedModelError
from seqpipe.formats import FastTextModel, FloretTable, Options, read_vectors

SECONDS = 5.0
BYTES = 1 << 30

#: What stands where a size should: none, one too many, as much as a type holds, and so on.
ABSURD = (0, 1, -1, 255, 2**16, 2**31 - 1, -(2**31), 10**9)


class Outcome(NamedTuple):
    """What came of reading a damaged copy."""

    what: str
    #: "read", "refused", "hung", "crashed", or the error that it was instead.
    result: str
    seconds: float


def damages(data: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged copies of a file: cut, with bits flipped, with absurd sizes near the beginning."""
    draw = random.Random(seed)
    for number in range(count):
        kind = ("cut", "flip", "flip early", "size", "long size", "digits")[number % 6]
        copy = bytearray(data)
        early = min(len(data), 400)
        if kind == "cut":
            place = draw.choice((draw.randrange(len(data)), draw.randrange(early)))
            del copy[place:]
        elif kind.startswith("flip"):
            end = early if kind == "flip early" else len(data)
            for place in (draw.randrange(end) for _ in range(draw.choice((1, 1, 4, 64)))):
                copy[place] ^= 1 << draw.randrange(8)
            place = -1
        elif kind == "digits":
            place = draw.randrange(min(early, 12))
            copy[place : place + 1] = b"9" * draw.randrange(1, 12)
        else:
            layout = "<i" if kind == "size" else "<q"
            place = 4 * draw.randrange(24) if early > 100 else draw.randrange(early)
            struct.pack_into(layout, copy, min(place, len(copy) - 8), draw.choice(ABSURD))
        yield f"{kind} {number} at {place}", bytes(copy)


def outcomes(files: Sequence[Path], folder: Path, *, each: int) -> Iterator[Outcome]:
    """Read damaged copies of files, one after another.

    Args:
        files: The files.
        folder: Where copies are put.
        each: How many of each file.
    """
    reader = _Reader()
    try:
        for number, path in enumerate(files):
            for what, data in damages(path.read_bytes(), each, seed=number):
                copy = folder / f"damaged{path.suffix}"
                copy.write_bytes(data)
                started = time.perf_counter()
                result = reader.read(copy)
                yield Outcome(f"{path.name}: {what}", result, time.perf_counter() - started)
                if result in ("hung", "crashed"):
                    reader = _Reader()
    finally:
        reader.end()


class _Reader:
    def __init__(self) -> None:
        self._here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()
        self._here.recv()

    def read(self, path: Path) -> str:
        try:
            self._here.send(path)
            if self._here.poll(SECONDS):
                return self._here.recv()
        except (EOFError, OSError):
            return "crashed"
        self.end()
        return "hung"

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._here.close()


def _serve(connection: Connection) -> None:
    # What's imported later would count as memory of the reading.
    import spacy.vectors  # noqa: F401

    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + BYTES, in_use + BYTES))
    connection.send("ready")
    while True:
        connection.send(_read(connection.recv()))


def _read(path: Path) -> str:
    try:
        file = read_vectors(path, Options(undecodable="skip"))
        if isinstance(file, FastTextModel):
            file.vectors([*file.words[:20], "unbekanntes", "日本語"])
            if file.is_supervised:
                file.predict("which baking dish is best to bake a banana bread ?", 5)
        elif isinstance(file, FloretTable):
            file.vectors(["the", "unbekanntes"])
    except (SavedModelError, EmbedderError):
        return "refused"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "read"
