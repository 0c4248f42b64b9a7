"""What the tests' examples are made of."""

import importlib

import pytest
from seqpipe.workers import _training

GARDEN = ["rose", "bean", "soil", "seed", "lawn", "hedge"]
MUSIC = ["song", "drum", "choir", "note", "piano", "chord"]


def work_here(module, folder, *, on_line):
    def tell(*told, flush):
        on_line(" ".join(map(str, told)))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(_training, "print", tell, raising=False)
        _training.work(importlib.import_module(module).train)
