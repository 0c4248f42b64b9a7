import random

import pytest
from formats.format_examples import LABELS, train


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A file of labelled texts: more words than quantising needs, labels of unequal frequency."""
    draw = random.Random(3)
    words = [f"wort{number}" for number in range(330)] + [
        "naïve",
        "Straße",
        "日本語",
        "emoji😀",
        "a",
    ]
    lines = []
    for _ in range(400):
        label = draw.choices(LABELS, weights=[40, 20, 12, 6, 3, 2, 1])[0]
        about = [f"{label}{draw.randrange(3)}" for _ in range(3)]
        lines.append(" ".join([f"__label__{label}", *draw.choices(words, k=8), *about]))
    path = tmp_path_factory.mktemp("texts") / "texts.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def vectors_file(texts):
    """A model of word vectors that the library has trained and written."""
    return train(texts, "vectors.bin", model="skipgram", loss="ns", minn=2, maxn=4, bucket=500)


@pytest.fixture(scope="session")
def classifier_file(texts):
    """A classifier that the library has trained and written."""
    return train(texts, "softmax.bin", model="supervised", loss="softmax")
