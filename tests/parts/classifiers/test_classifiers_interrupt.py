import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="uses the signals of POSIX")

SCRIPT = """
import sys, tempfile
from seqpipe.parts.classifiers import FastTextClassifier, LabelledWords

tempfile.tempdir = sys.argv[1]
reports = []

def report(progress):
    if not reports:
        print("training", flush=True)
    reports.append(progress)

examples = [LabelledWords(["a", "b", "c"] * 30, ["x"]), LabelledWords(["d"], ["y"])] * 20
classifier = FastTextClassifier(width=8, epochs=10**7)
classifier.fit(examples, labels=["x", "y"], on_progress=report)
"""


def test_ctrl_c_ends_the_training_within_two_seconds(tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        try:
            assert process.stdout.readline() == "training\n"
            start = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1
    assert list(folder.iterdir()) == []
    assert time.monotonic() - start < 2
