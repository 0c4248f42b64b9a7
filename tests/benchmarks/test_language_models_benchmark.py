"""The benchmark of language models: both systems learn, and are measured alike."""

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from seqpipe.parts.language_models import Fitting, Units, Vocabulary

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import language_models as benchmark

TEXTS = ["the cat sat on the mat", "the dog sat on a cat", "a dog met the cat"] * 20


@pytest.fixture(autouse=True)
def few_texts(monkeypatch):
    monkeypatch.setattr(benchmark, "read_texts", lambda: iter(TEXTS))


def test_both_systems_are_compared_and_written_down(tmp_path, capsys):
    file = tmp_path / "results.json"
    settings = ("--seconds", "0.3", "--seeds", "1", "--width", "8", "--threads", "1")
    benchmark.main([*settings, "--output", str(file)])
    results = json.loads(file.read_text(encoding="utf-8"))["results"]
    assert {(each["unit"], each["system"]) for each in results} == {
        (unit, system) for unit in ("character", "word") for system in ("seqpipe", "nn.LSTM")
    }
    assert all(each["perplexity"] > 1 for each in results)
    assert "bits per character" in capsys.readouterr().out


def test_systems_with_the_same_weights_have_the_same_figures():
    texts = [Units(text, len(text) + 1) for text in TEXTS[:3]]
    vocabulary = Vocabulary.of(TEXTS[:3], min_count=1, most=None)
    task = benchmark.Task("character", vocabulary, texts, texts)
    models = []

    class Kept(benchmark.Plain):
        def __init__(self, *sizes):
            super().__init__(*sizes)
            models.append(self)

    class OurKept(benchmark.LanguageModel):
        def __init__(self, *sizes, **settings):
            super().__init__(*sizes, **settings)
            models.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "Plain", Kept)
        patch.setattr(benchmark, "LanguageModel", OurKept)
        fitting = Fitting(seconds=0.05, epochs=1)
        _, plain = benchmark.train_plain(task, 0, 8, fitting, 1)
        _, ours = benchmark.train_ours(task, 0, 8, fitting, 1)
    theirs, network = models
    (cell,) = network.layers
    with torch.no_grad():
        network.embedding.weight.copy_(theirs.embedding.weight)
        network.output.bias.copy_(theirs.output.bias)
        cell.input_weight.copy_(theirs.lstm.weight_ih_l0)
        cell.recurrent_weight.copy_(theirs.lstm.weight_hh_l0)
        cell.bias.copy_(theirs.lstm.bias_ih_l0 + theirs.lstm.bias_hh_l0)
    assert isinstance(theirs.lstm, nn.LSTM)
    assert benchmark.measure(task, ours) == pytest.approx(benchmark.measure(task, plain), rel=1e-4)
