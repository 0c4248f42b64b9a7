"""Heads in a graph give what they give in torch; others are refused by name."""

import pytest
import torch
from export.export_cases import assert_same, stirred

from seqpipe.errors import ExportError
from seqpipe.export import export_model
from seqpipe.parts.cells import RNN
from seqpipe.parts.encoders import Convolutional, Recurrent
from seqpipe.parts.heads import Regressor, TextClassifier, TextClassifier2, TokenClassifier


@pytest.fixture(scope="module")
def encoder():
    return stirred(Recurrent(4, cell=RNN, width=6))


@pytest.mark.parametrize(
    "head",
    [
        *(TextClassifier(6, 3, pool=pool) for pool in ("last", "mean", "max", "attention")),
        TextClassifier(6, 3, pool=["attention", "last", "attention", "max", "mean"]),
        TextClassifier(6, 4, exclusive=False),
        TextClassifier2(6, 2, dropout_samples=3),
        TokenClassifier(6, 5),
    ],
    ids=lambda head: f"{type(head).__name__}-{getattr(head, 'poolings', '')}",
)
def test_head_gives_what_it_gives_in_torch(encoder, head):
    head = stirred(head)
    assert_same(export_model(encoder, head), encoder, head)


def test_weights_on_another_scale_than_one_are_no_problem(encoder):
    head = stirred(TextClassifier(6, 3, pool="attention"))
    with torch.no_grad():
        head.pools[0].query.weight *= 100
    assert_same(export_model(encoder, head), encoder, head)


def test_other_heads_and_encoders_are_refused_by_name(encoder):
    with pytest.raises(ExportError, match="the head Regressor can't be exported"):
        export_model(encoder, Regressor(6, 1))
    with pytest.raises(ExportError, match="the encoder Convolutional can't be exported"):
        export_model(Convolutional(4, width=6), TextClassifier(6, 3))


def test_missing_package_is_an_error_with_the_command_that_installs_it(encoder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r"pip install 'seqpipe\[onnx\]'"):
        export_model(encoder, TextClassifier(6, 3))
