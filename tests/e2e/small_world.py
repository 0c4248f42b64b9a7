"""A world of two classes that's learnt in a second, and fresh processes to act in."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from ready import run_ready

WORDS = {
    "sea": ["wave", "harbour", "sailor", "tide", "anchor", "gull", "salt", "reef"],
    "wood": ["oak", "moss", "owl", "trunk", "fern", "acorn", "bark", "deer"],
}
COMMON = ["the", "a", "of", "and", "near", "under", "with", "today"]

#: Texts of both classes, one that's empty, and one of words that nothing was trained on.
UNSEEN = [
    "the gull of the harbour and a wave",
    "an owl near the oak",
    "tidewater under oakmoss",
    "xyzzy plugh",
    "",
    "  two  blanks\n\nand a line ",
]

EMBEDDER = """
[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 8
epochs = 20
min_count = 1
subsample = 1.0
standardize = true
"""

PIPELINE = f"""
[data]
@readers = "seqpipe.Folders.v1"
path = "texts"
split = {{"train": 0.6, "dev": 0.2, "test": 0.2}}
{EMBEDDER}
[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 16

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_epochs = 8
eval_frequency = 5

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02
"""


def make_text(labels: list[str], chance: random.Random) -> str:
    """Return a text with words of each class, and common ones."""
    own = [word for label in labels for word in chance.sample(WORDS[label], 4)]
    words = own + chance.choices(COMMON, k=5)
    chance.shuffle(words)
    return " ".join(words) + "."


def write_texts(folder: Path, *, texts: int = 30) -> None:
    """Write a folder for each class, with its texts."""
    chance = random.Random(1)
    for label in WORDS:
        (folder / label).mkdir(parents=True)
        for number in range(texts):
            text = make_text([label], chance)
            (folder / label / f"{number:03}.txt").write_text(text, encoding="utf-8")


def write_rows(file: Path, *, rows: int, seed: int = 1) -> None:
    """Write a JSON object for each text."""
    chance = random.Random(seed)
    labels = [[*WORDS][number % len(WORDS)] for number in range(rows)]
    lines = [json.dumps({"text": make_text([label], chance), "label": label}) for label in labels]
    file.write_text("\n".join(lines), encoding="utf-8")


def write_world(folder: Path, pipeline: str = PIPELINE) -> Path:
    """Write texts and a pipeline file, and return the file."""
    write_texts(folder / "texts")
    file = folder / "pipeline.cfg"
    file.write_text(pipeline, encoding="utf-8")
    return file


def names(folder: Path) -> list[str]:
    """Return what stands in a folder, sorted."""
    return sorted(entry.name for entry in folder.iterdir())


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that computes in one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


def run_process(
    arguments: list[str], *, cwd: Path, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end."""
    return run_ready(arguments, cwd=cwd, env=environment(), timeout=timeout)


def seqpipe(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Call seqpipe's command line in a process of its own."""
    return run_process([sys.executable, "-m", "seqpipe", *arguments], cwd=cwd)


def python(code: str, *arguments: str, cwd: Path, executable: str = sys.executable) -> str:
    """Run code in a process of its own, and return what it prints."""
    done = run_process([executable, "-c", code, *arguments], cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout
