"""Encoders, heads and batches for the tests of exported graphs."""

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

#: A text alone, an empty one, a batch of seven, and long ones; the graph was made for none of these.
BATCHES = [[1], [7], [0], [0, 0], [5, 10, 0, 1, 23, 4, 6], [400], []]


def stirred(module, *, seed=0):
    """Return a module with random weights, so that no parameter does nothing, in evaluation mode."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return module.eval()


def run_graph(data, vectors, lengths, output="scores"):
    """Return what a graph gives for flat vectors."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    given = {"vectors": vectors, "lengths": np.array(lengths, dtype=np.int64)}
    return session.run([output], given)[0]


@torch.no_grad()
def run_torch(encoder, head, vectors, lengths):
    """Return what the parts themselves give."""
    lengths = torch.tensor(lengths, dtype=torch.int64)
    return head.scores(head(encoder(torch.from_numpy(vectors), lengths), lengths)).numpy()


def make_vectors(lengths, width, seed=0):
    """Return random vectors of the words of texts."""
    return np.random.default_rng(seed).standard_normal((sum(lengths), width)).astype(np.float32)


def assert_same(data, encoder, head, batches=BATCHES):
    """Check that a graph is sound, and gives what the parts give at any lengths."""
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    for lengths in batches:
        vectors = make_vectors(lengths, encoder.input_width)
        found = run_graph(data, vectors, lengths)
        expected = run_torch(encoder, head, vectors, lengths)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
