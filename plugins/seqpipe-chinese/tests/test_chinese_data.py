"""Real texts: how good the words are, and that no character is lost."""

import bz2
import csv
import importlib.util
import itertools
import warnings

import pytest

from seqpipe_chinese._characters import Characters
from seqpipe_chinese._jieba import Jieba

pytestmark = pytest.mark.data

TOKENIZERS = {
    "Jieba": (Jieba, 0.80),
    "Jieba without hmm": (lambda: Jieba(hmm=False), 0.82),
    "Characters": (Characters, 0.36),
}


@pytest.fixture
def gold(data):
    """The words of each line of the People's Daily, January 1998."""
    path = data("zh_peoples_daily_199801/199801_pos.txt.bz2")
    with bz2.open(path, "rt", encoding="utf-8") as lines:
        return [[tagged.rpartition("/")[0] for tagged in line.split()] for line in lines]


@pytest.fixture
def texts(data):
    """Hotel reviews and headlines."""
    reviews = data("zh_chnsenticorp_htl/ChnSentiCorp_htl_all.csv")
    titles = data("zh_thucnews_titles/dev.txt")
    with reviews.open(encoding="utf-8-sig", newline="") as rows:
        found = [row["review"] for row in csv.DictReader(rows)]
    lines = titles.read_text(encoding="utf-8").splitlines()
    return found + [line.rsplit("\t", 1)[0] for line in lines]


@pytest.mark.parametrize(("factory", "floor"), TOKENIZERS.values(), ids=TOKENIZERS.keys())
def test_words_agree_with_those_of_annotators(gold, factory, floor):
    tokenize = factory()
    hits = given = found = 0
    for words in gold:
        true, guessed = spans(words), spans(tokenize("".join(words)))
        hits += len(true & guessed)
        given += len(true)
        found += len(guessed)
    assert 2 * hits / (given + found) >= floor


@pytest.mark.parametrize("factory", [Jieba, Characters])
def test_real_texts_keep_every_character(texts, factory):
    tokenize = factory()
    assert len(texts) == 17_766
    for text in texts:
        assert "".join(tokenize(text)) == "".join(text.split())


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("jieba"), reason="needs: pip install jieba==0.42.1"
)
@pytest.mark.parametrize("hmm", [True, False])
def test_words_are_those_of_the_original_jieba(texts, gold, hmm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
    jieba.setLogLevel("CRITICAL")
    tokenize = Jieba(hmm=hmm)
    for text in texts + ["".join(words) for words in gold]:
        assert tokenize(text) == [word for word in jieba.cut(text, HMM=hmm) if not word.isspace()]


def spans(words):
    """Return where each word begins and ends."""
    ends = [0]
    for word in words:
        ends.append(ends[-1] + len(word))
    return set(itertools.pairwise(ends))
