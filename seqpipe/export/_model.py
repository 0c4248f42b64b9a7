"""An encoder and a head as one model of ONNX, compared with torch before it's given away."""

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from seqpipe.errors import ExportError
from seqpipe.export._graph import Graph, check_installed
from seqpipe.export._heads import add_head, add_scores
from seqpipe.export._recurrent import add_recurrent
from seqpipe.parts.encoders import Encoder, Recurrent
from seqpipe.parts.heads import Head

#: The lengths of the texts that a model is compared on. In long ones, rounding alone may become a large difference.
_LENGTHS: Final = (3, 0, 1, 20)
#: A translation that's wrong is wrong by more.
_MOST: Final = 1e-3


def export_model(encoder: Encoder, head: Head) -> bytes:
    """Return a model of ONNX that computes what an encoder and a head compute in evaluation mode.

    Its inputs are "vectors", `[N, D]` in float32, the vectors of the words of all texts, one text's after another's, and
    "lengths", `[B]` in int64, the number of words of each text; 0 is allowed. Its outputs are "logits" and "scores", `[B, L]`,
    or `[N, L]` of a head that scores words. A text's row doesn't depend on the other texts, up to rounding.

    Args:
        encoder: A `Recurrent`, of any cells.
        head: A `TextClassifier`, `TokenClassifier` or `Crf`; for the last, the "scores" are those of words by themselves.

    Raises:
        ExportError: A part can't be exported, the model gives something else than the parts do, or onnx or onnxruntime
            isn't installed.
    """
    check_installed()
    if type(encoder) is not Recurrent:
        raise ExportError(
            f"the encoder {type(encoder).__name__} can't be exported: only seqpipe.Recurrent.v1 can"
        )
    graph = Graph()
    outputs = add_recurrent(graph, encoder, "vectors", "lengths")
    logits = graph.add("Identity", add_head(graph, head, outputs, "lengths"))
    scores = add_scores(graph, head, logits)
    rows = "words" if head.level == "word" else "texts"
    labels = _labels(head)
    for node in graph.nodes:
        names = {logits: "logits", scores: "scores"}
        node.input[:] = [names.get(each, each) for each in node.input]
        node.output[:] = [names.get(each, each) for each in node.output]
    model = graph.model(
        "seqpipe",
        {
            "vectors": (np.dtype("float32"), ["words", encoder.input_width]),
            "lengths": (np.dtype("int64"), ["texts"]),
        },
        {name: (np.dtype("float32"), [rows, labels]) for name in ("logits", "scores")},
    )
    data: bytes = model.SerializeToString()
    _compare(data, encoder, head)
    return data


def _labels(head: Head) -> int:
    output: Any = head.output
    labels: int = output.out_features
    return labels


def _compare(data: bytes, encoder: Recurrent, head: Head) -> None:
    """Check that a model gives the logits that torch gives.

    Raises:
        ExportError: It doesn't.
    """
    inputs = np.random.default_rng(0).standard_normal((sum(_LENGTHS), encoder.input_width))
    vectors, lengths = inputs.astype(np.float32), np.array(_LENGTHS, dtype=np.int64)
    expected = _logits(encoder, head, vectors, lengths)
    found: NDArray[np.float32] = make_session(data).run(
        ["logits"], {"vectors": vectors, "lengths": lengths}
    )[0]
    if not np.allclose(found, expected, rtol=_MOST, atol=_MOST, equal_nan=True):
        cells = {type(cell).__name__ for layer in encoder.layers for cell in layer.children()}
        raise ExportError(
            f"the encoder with the cell {', '.join(sorted(cells))} can't be exported: the graph's logits differ from its own by "
            f"up to {np.abs(found - expected).max():.2g}, so one of its operations isn't translated rightly"
        )


@torch.no_grad()
def _logits(
    encoder: Recurrent, head: Head, vectors: NDArray[np.float32], lengths: NDArray[np.int64]
) -> NDArray[np.float32]:
    was_training = encoder.training, head.training
    encoder.eval()
    head.eval()
    try:
        like = next(encoder.parameters())
        of_texts = torch.from_numpy(lengths)
        encoded = encoder(torch.from_numpy(vectors).to(like), of_texts)
        logits: NDArray[np.float32] = head(encoded, of_texts).float().cpu().numpy()
    finally:
        encoder.train(was_training[0])
        head.train(was_training[1])
    return logits


def make_session(data: bytes, *, threads: int = 1) -> Any:
    """Return what runs a model on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
