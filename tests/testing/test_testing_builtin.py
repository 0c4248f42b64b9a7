"""The built-in parts keep the contracts that everybody's have to keep."""

import functools
import importlib
import os
from pathlib import Path

import pytest

from seqpipe.hookspecs import KINDS
from seqpipe.parts.cells import GRU, RNN
from seqpipe.parts.classifiers import FastTextClassifier, NGramClassifier
from seqpipe.parts.classifiers.fasttext import _fit as classifier_fit
from seqpipe.parts.embedders import FastText, Word2Vec
from seqpipe.parts.embedders.fasttext import _fit as embedder_fit
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import TextClassifier
from seqpipe.parts.tokenizers import Regex, SpacyRules
from seqpipe.plugins import host
from seqpipe.testing import _tokenizers, checks, factory_of

PARTS = [part for kind in KINDS for part in host().load("seqpipe").parts[kind].values()]

#: Settings that lead elsewhere than the defaults do.
VARIANTS = {
    "encoders": [
        functools.partial(Recurrent, cell=GRU, bidirectional=False, depth=2),
        functools.partial(Recurrent, cell=RNN, window=2, residual=True, dropout=0.3),
        functools.partial(Recurrent, cell=RNN, word_dropout=0.3),
    ],
    "heads": [
        functools.partial(TextClassifier, pool=["last", "attention"], label_smoothing=0.1),
        functools.partial(TextClassifier, exclusive=False, pool="max", dropout=0.5),
        functools.partial(TextClassifier, focal=2.0, dropout=0.5, dropout_samples=3),
        functools.partial(TextClassifier, exclusive=False, focal=0.5),
    ],
    "tokenizers": [
        functools.partial(Regex, pattern=r"\w"),
        functools.partial(SpacyRules, lang="de"),
    ],
    "classifiers": [
        functools.partial(
            FastTextClassifier, exclusive=False, width=5, min_n=2, max_n=3, learning_rate=0.5
        ),
        functools.partial(
            NGramClassifier, exclusive=False, weighting="binary", ratio_floor=0.0, cost=[0.1, 1.0]
        ),
    ],
    "embedders": [
        functools.partial(FastText, width=7, lower=True, standardize=True),
        functools.partial(Word2Vec, width=3, min_count=1),
    ],
}


@pytest.mark.parametrize(
    ("part", "check"),
    [
        pytest.param(part, check, id=f"{part.name}-{check}")
        for part in PARTS
        for check in checks(part.kind)
    ],
)
def test_built_in_part_keeps_the_contract(part, check):
    check(factory_of(part))


@pytest.fixture
def quick(monkeypatch, check):
    """Leave out what doesn't depend on settings: very long texts, and that trainings have a process of their own."""
    monkeypatch.setattr(_tokenizers, "_SIZES", _tokenizers._SIZES[:-2])
    monkeypatch.setattr(_tokenizers, "_MEGABYTE", 100_000)

    def train(module, folder, **_):
        worker, here = importlib.import_module(module), Path.cwd()
        os.chdir(folder)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(worker, "begin", lambda corpus: None)
                worker.main()
        finally:
            os.chdir(here)

    # That process tells the progress.
    if check.name != "reports_its_progress":
        for module in (classifier_fit, embedder_fit):
            monkeypatch.setattr(module, "run_module", train)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("factory", "check"),
    [
        pytest.param(factory, check, id=f"{factory.func.__name__}{number}-{check}")
        for kind, factories in VARIANTS.items()
        for number, factory in enumerate(factories)
        for check in checks(kind)
    ],
)
def test_settings_leave_the_contract_whole(factory, check):
    check(factory)
