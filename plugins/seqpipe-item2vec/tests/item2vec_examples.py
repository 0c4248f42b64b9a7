"""What the tests' examples are made of."""

import importlib

import pytest
from seqpipe.parts.embedders.apart import _job

#: Pasta goes with one of the sauces, rice with one of the curries; bread with all.
GROUPS = (("pasta", "noodles", "red sauce", "green sauce"), ("rice", "naan", "dal", "raita"))


def work_here(module, folder, *, on_line):
    def tell(*told, flush):
        on_line(" ".join(map(str, told)))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(_job, "print", tell, raising=False)
        _job.work(importlib.import_module(module).train)
