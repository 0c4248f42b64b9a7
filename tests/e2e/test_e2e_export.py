"""A pipeline that's trained and exported by the command line predicts the same where nothing of seqpipe's is imported."""

import json
import subprocess
import sys

import pytest
import spacy
from e2e.small_world import EMBEDDER, PIPELINE, UNSEEN, seqpipe, write_world

#: Runs a reader that's given lines, and fails if it has imported anything that it should do without.
READ = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
assert not {"torch", "spacy", "thinc", "seqpipe", "onnx"} & set(sys.modules)
"""
TOKENIZER = '[tokenizer]\n@seqpipe_tokenizers = "seqpipe.Regex.v1"\n'
WIDE = '[wide]\n@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"\n'


def test_exported_pipeline_predicts_what_the_pipeline_does(tmp_path):
    write_world(tmp_path, PIPELINE.replace(EMBEDDER, EMBEDDER + TOKENIZER + WIDE))
    done = seqpipe("run", "pipeline.cfg", "--output", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = seqpipe("export", "run/model-best", "exported", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    texts = [text.replace("\n", "\t") for text in UNSEEN]
    lines = "".join(f"{text}\n" for text in texts)
    # Started anew, in a Python that doesn't see where seqpipe is.
    command = [sys.executable, "-I", "-c", READ, "exported/reader.py"]
    done = subprocess.run(
        command, input=lines, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    nlp = spacy.load(tmp_path / "run" / "model-best")
    found = [json.loads(line)["scores"] for line in done.stdout.splitlines()]
    for doc, scores in zip(nlp.pipe(texts), found, strict=True):
        assert scores == pytest.approx(doc.cats, abs=1e-5)
