import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from seqpipe.parts.classifiers import LabelledWords
from seqpipe.parts.classifiers.fasttext import _fit
from seqpipe.parts.fasttext import _worker

WORDS = {
    "sea": ["wave", "harbour", "sailor", "tide", "anchor", "gull", "naïve", "reef"],
    "wood": ["oak", "moss", "owl", "trunk", "fern", "acorn", "bark", "日本語"],
    "sky": ["cloud", "star", "moon", "wind", "swallow", "rainbow", "emoji😀", "sun"],
}
COMMON = ["the", "a", "of", "and", "near", "under", "with", "today"]


def make_examples(number: int = 120, *, several: bool = False) -> list[LabelledWords]:
    draw = random.Random(3)
    examples = []
    for _ in range(number):
        labels = draw.sample([*WORDS], draw.randint(1, 2) if several else 1)
        words = [word for label in labels for word in draw.choices(WORDS[label], k=4)]
        words += draw.choices(COMMON, k=4)
        draw.shuffle(words)
        examples.append(LabelledWords(words, labels))
    return examples


@pytest.fixture(scope="session")
def labels() -> list[str]:
    return ["wood", "sky", "sea"]


@pytest.fixture(scope="session")
def examples() -> list[LabelledWords]:
    return make_examples()


@pytest.fixture(scope="session")
def tagged() -> list[LabelledWords]:
    """Return texts of one label or two."""
    return make_examples(several=True)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have trainings run in this process, which is quicker, and keep the text of each corpus."""
    corpora: list[str] = []

    def train(module: str, folder: Path, *, on_line: Callable[[str], bool], error: type) -> None:
        here = Path.cwd()
        os.chdir(folder)
        try:
            corpora.append(Path("corpus.txt").read_text(encoding="utf-8"))
            _worker.main()
        finally:
            os.chdir(here)

    monkeypatch.setattr(_fit, "run_module", train)
    monkeypatch.setattr(_worker, "begin", lambda corpus: None)
    return corpora
