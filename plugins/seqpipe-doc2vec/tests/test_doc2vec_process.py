"""Training in a process of its own: the same vectors, progress, Ctrl-C, crashes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from doc2vec_examples import work_here
from seqpipe.workers import _training

from seqpipe_doc2vec._memory import DistributedMemory

SCRIPT = """
import signal
from seqpipe_doc2vec._bag import BagOfWords
told = []
# Whoever runs the tests in the background may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def tell(progress):
    if not told:
        print("training", flush=True)
    told.append(progress)

BagOfWords(width=8, epochs=10**7, min_count=1).fit([["a", "b", "c"] * 30] * 20, on_progress=tell)
"""


def test_own_process_trains_the_same(documents, monkeypatch):
    own, here = (DistributedMemory(width=8, epochs=20, min_count=1) for _ in range(2))
    told = []
    own.fit(documents, seed=3, on_progress=told.append)
    monkeypatch.setattr(_training, "run_module", work_here)
    here.fit(documents, seed=3)
    assert np.array_equal(own.embed(own.vocabulary), here.embed(here.vocabulary))
    assert np.array_equal(own.embed_document(documents[0]), here.embed_document(documents[0]))
    assert told[-1].fraction == 1.0


@pytest.mark.skipif(os.name == "nt", reason="uses the signals of POSIX")
def test_ctrl_c_ends_the_training_at_once():
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout.readline() == "training\n"
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert time.monotonic() - begin < 2
    assert errors.rstrip().endswith("KeyboardInterrupt")
