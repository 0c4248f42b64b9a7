"""Measure exported encoders beside seqpipe's own, in one thread: ``python benchmarks/onnx_speed.py``.

Each encoder has a head on it, and reads texts whose lengths are distributed as those of BBC News: log-normal, with a median of 330
words and a mean of 390. In each round each of both computes each case once, in turns, so that a slow spell of the
machine hits both; medians over rounds are compared, and the least ratio and the greatest are printed too.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import torch
from machine import describe_machine

from seqpipe import Predictor
from seqpipe.export import export_model, export_pipeline
from seqpipe.parts.cells import GRU, LSTM, CellFactory, CoupledLSTM
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import TextClassifier2

_INPUT_WIDTH: Final = 100
_WIDTH: Final = 128
_LABELS: Final = 5
#: How many texts whole pipelines are measured on.
_TEXTS: Final = 64
_MEDIAN: Final = 330
#: The mean over the median is exp(spread² / 2).
_SPREAD: Final = 0.58
_CELLS: Final[dict[str, CellFactory]] = {"LSTM": LSTM, "GRU": GRU, "CoupledLSTM": CoupledLSTM}
#: The number of texts in a batch, and the window.
_CASES: Final[tuple[tuple[int, int | None], ...]] = ((32, 128), (32, None), (1, 128), (1, None))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="how many rounds")
    parser.add_argument("--model", help="a saved pipeline to measure as a whole, too")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cases = {
        (name, texts, window): make_case(cell, texts, window)
        for name, cell in _CELLS.items()
        for texts, window in _CASES
    }
    if options.model:
        cases["whole pipeline", _TEXTS, None] = make_whole(options.model)
    seconds = measure(cases, options.repeats)
    print(describe_machine())
    print(f"{'cell':<16}{'texts':>6}{'window':>8}{'seqpipe':>12}{'onnxruntime':>13}{'ratio':>7}")
    for (name, texts, window), (words, own, other) in seconds.items():
        ratios = [a / b for a, b in zip(own, other, strict=True)]
        print(
            f"{name:<16}{texts:>6}{window or 'none':>8}{words / statistics.median(own):>12,.0f}"
            f"{words / statistics.median(other):>13,.0f}{statistics.median(ratios):>7.2f}"
            f"  ({min(ratios):.2f} to {max(ratios):.2f})"
        )


#: How many words there are, and what computes them: seqpipe, and onnxruntime.
Case = tuple[int, Callable[[], Any], Callable[[], Any]]


def make_case(cell: CellFactory, texts: int, window: int | None) -> Case:
    """Return the words of a batch, and both ways to compute it."""
    torch.manual_seed(0)
    random = np.random.default_rng(texts)
    lengths = random.lognormal(np.log(_MEDIAN), _SPREAD, size=texts).astype(np.int64)
    vectors = random.standard_normal((int(lengths.sum()), _INPUT_WIDTH)).astype(np.float32)
    encoder = Recurrent(_INPUT_WIDTH, cell=cell, width=_WIDTH, window=window).eval()
    head = TextClassifier2(_WIDTH, _LABELS).eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    data = export_model(encoder, head)
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    given = torch.from_numpy(vectors), torch.from_numpy(lengths)

    def run_seqpipe() -> Any:
        with torch.inference_mode():
            return head.scores(head(encoder(*given), given[1]))

    def run_onnx() -> Any:
        return session.run(["scores"], {"vectors": vectors, "lengths": lengths})[0]

    np.testing.assert_allclose(run_onnx(), run_seqpipe().numpy(), atol=1e-5)
    return int(lengths.sum()), run_seqpipe, run_onnx


def make_whole(model: str) -> Case:
    """Return the words of texts, and what predicts by a pipeline: `Predictor`, and the reader of its export.

    The texts are words that the pipeline's embedder knows, drawn by Zipf's law, as tokenizers aren't measured.
    """
    predictor = Predictor(model, threads=1)
    vectors = predictor.nlp.vocab.vectors
    known = [predictor.nlp.vocab.strings[key] for key in vectors.keys()]  # noqa: SIM118
    random = np.random.default_rng(0)
    weights = 1 / (np.arange(len(known)) + 2.7)
    lengths = random.lognormal(np.log(_MEDIAN), _SPREAD, size=_TEXTS).astype(np.int64)
    texts = [
        [known[n] for n in random.choice(len(known), size=length, p=weights / weights.sum())]
        for length in lengths.tolist()
    ]
    with tempfile.TemporaryDirectory() as folder:
        export_pipeline(predictor.nlp, folder)
        spec = importlib.util.spec_from_file_location("reader", Path(folder, "reader.py"))
        assert spec is not None and spec.loader is not None
        reader = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(reader)
        pipeline = reader.Pipeline(folder)
    records = [{"text": text} for text in texts]
    return int(lengths.sum()), lambda: predictor.predict(records), lambda: pipeline.predict(texts)


def measure(
    cases: dict[tuple[str, int, int | None], Case], repeats: int
) -> dict[tuple[str, int, int | None], tuple[int, list[float], list[float]]]:
    """Return the seconds that each case took, of both, round by round."""
    seconds: dict[Any, tuple[int, list[float], list[float]]] = {
        name: (words, [], []) for name, (words, _, _) in cases.items()
    }
    for _ in range(repeats):
        for name, (_, *ways) in cases.items():
            for way, taken in zip(ways, seconds[name][1:], strict=True):
                start = time.perf_counter()
                way()
                taken.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
