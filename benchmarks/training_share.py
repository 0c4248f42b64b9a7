"""Measure what share of a training is arithmetic: ``python benchmarks/training_share.py [FILE]``.

Forward and backward passes, the optimizer, and the forward passes of evaluations on the dev part are
arithmetic. The rest is bookkeeping: batches, lookups of vectors, annotations, scores, saving.
Options that follow ``FILE`` replace settings, as ``seqpipe run`` takes them: ``--training.max_epochs 2``.
"""

import argparse
import contextlib
import functools
import hashlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from unittest import mock

from machine import describe_machine

from seqpipe.adapters import TorchShim
from seqpipe.adapters._contract import predict_scores
from seqpipe.cli._memory import keep_freed_memory
from seqpipe.parts.heads import loss_gradient
from seqpipe.reporting import Silent
from seqpipe.run import run

PIPELINE: Final = Path(__file__).parents[1] / "pipelines" / "bbc-news" / "pipeline.cfg"
ARITHMETIC: Final = ("forward", "backward", "optimizer", "evaluation's forward")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=PIPELINE, help="a pipeline file")
    parser.add_argument("--threads", type=int, default=1, help="how many torch computes in")
    options, overrides = parser.parse_known_args(arguments)
    # As `seqpipe run` does.
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(options.file, overrides, options.threads, Path(folder))
        weights = {
            path.parent.name: digest(path) for path in Path(folder).glob("model-best/*/model")
        }
    print(describe_machine())
    for name in ("training", *ARITHMETIC, "rest"):
        print(f"{name:<22}{seconds[name]:8.2f} s {seconds[name] / seconds['training']:7.1%}")
    for component, sha in weights.items():
        print(f"SHA-256 of the weights of {component!r}: {sha}")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measure(file: Path, overrides: Sequence[str], threads: int, output: Path) -> dict[str, float]:
    """Run a file, and return the seconds of its training by what they were for."""
    clock = Clock()
    with clock.watching():
        result = run(file, overrides=overrides, output=output, threads=threads, reporter=clock)
    seconds = {name: clock.seconds[name] for name in ARITHMETIC}
    training = result.report["timings"]["training"]
    return {"training": training, **seconds, "rest": training - sum(seconds.values())}


class Clock(Silent):
    """Adds up seconds by name, of what happens in the stage of training."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stage = ""

    def stage(self, name: str) -> None:
        """Take note of the stage."""
        self._stage = name

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose seconds are added to those of a name."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                if self._stage == "training":
                    self.seconds[name] += time.perf_counter() - start

        return call

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Time what computes in the components of a pipeline."""
        begin_update = self.timed("forward", TorchShim.begin_update)

        def begin(shim: TorchShim, inputs: Any) -> Any:
            output, backprop = begin_update(shim, inputs)
            return output, self.timed("backward", backprop)

        evaluation = "evaluation's forward"
        patched = {
            "_shim.TorchShim.begin_update": begin,
            "_shim.TorchShim.predict": self.timed(evaluation, TorchShim.predict),
            "_shim.TorchShim.finish_update": self.timed("optimizer", TorchShim.finish_update),
            "_classifier.loss_gradient": self.timed("backward", loss_gradient),
            "_classifier_pipe.predict_scores": self.timed(evaluation, predict_scores),
        }
        with contextlib.ExitStack() as stack:
            for name, replaced in patched.items():
                stack.enter_context(mock.patch(f"seqpipe.adapters.{name}", replaced))
            yield


if __name__ == "__main__":
    main()
