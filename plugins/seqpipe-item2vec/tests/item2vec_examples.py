"""What the tests' examples are made of."""

import importlib

import pytest
from seqpipe.workers import _training

#: Pasta goes with one of the sauces, rice with one of the curries; bread with all.
GROUPS = (("pasta", "noodles", "red sauce", "green sauce"), ("rice", "naan", "dal", "raita"))


def work_here(module, folder, *, on_line):
    def tell(*told, flush):
        on_line(" ".join(map(str, told)))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(_training, "print", tell, raising=False)
        _training.work(importlib.import_module(module).train)
