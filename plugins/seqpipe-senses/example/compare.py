"""Compare senses with one vector for each word.

    python example/compare.py pairs     # uses of a word in the same sense or not, and WordSim-353
    python example/compare.py longer    # WordSim-353 by one vector for each word, trained as long as senses are
    python example/compare.py merged    # pairs of words merged into one: is each use told apart?

They read data:corpus_enwiki and data:wordsim below $SEQPIPE_DATA. WORDS=2000000 takes so many words of Wikipedia, SEED=1 draws random
numbers.
"""

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr
from seqpipe.parts.embedders import Embedder, Word2Vec2
from seqpipe.parts.readers import open_lines

from seqpipe_senses._embedder import MultiSense

Vectors = NDArray[np.float32]

DATA = Path(os.environ["SEQPIPE_DATA"])
WORDS, SEED = int(os.environ.get("WORDS", "2000000")), int(os.environ.get("SEED", "1"))
PAIRS = Path(__file__).parent / "pairs.tsv"
#: Merged two by two: words of different topics, some as frequent as each other and some not.
MERGED = [
    ("banana", "guitar"),
    ("violin", "protein"),
    ("priest", "oxygen"),
    ("soccer", "poem"),
    ("physics", "castle"),
    ("pope", "software"),
    ("horse", "equation"),
    ("painter", "virus"),
    ("bishop", "battery"),
    ("beer", "electron"),
    ("stadium", "enzyme"),
    ("actor", "metal"),
    ("album", "planet"),
    ("parliament", "bacteria"),
    ("film", "island"),
    ("army", "language"),
    ("river", "theorem"),
    ("church", "engine"),
    ("novel", "acid"),
    ("train", "king"),
]


def split_words(text: str) -> list[str]:
    """Return the words of a text, lower-cased, without marks."""
    return re.findall(r"[^\W_]+", text.lower())


def wikipedia() -> Iterator[list[str]]:
    """Yield paragraphs of Wikipedia, of as many words as are asked for."""
    left = WORDS
    for path in sorted((DATA / "corpus_enwiki").glob("*.bz2")):
        for line in open_lines(str(path)):
            if words := split_words(line)[:left]:
                yield words
                left -= len(words)
            if not left:
                return


def fit(embedder: Any, texts: Sequence[Sequence[str]]) -> Any:
    """Fit an embedder, and say how long it took."""
    begin = time.monotonic()
    embedder.fit(texts, seed=SEED)
    print(f"fitted {type(embedder).__name__} in {time.monotonic() - begin:.0f} s", flush=True)
    return embedder


def plain(epochs: int = 5) -> Word2Vec2:
    """Return what makes one vector for each word."""
    return Word2Vec2(width=100, epochs=epochs, min_count=5)


def unit(vectors: Vectors) -> Vectors:
    """Return vectors of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def similarity(vocabulary: Sequence[str], vectors_of: Callable[[str], Vectors]) -> list[float]:
    """Return the rank correlation with WordSim-353 by the mean of the cosines of senses, and by the greatest."""
    known, found, gold = set(vocabulary), [], []
    for line in (DATA / "wordsim/EN-WS-353-ALL.txt").read_text(encoding="utf-8").splitlines():
        one, other, score = line.lower().split("\t")
        if {one, other} <= known:
            cosines = unit(vectors_of(one)) @ unit(vectors_of(other)).T
            found.append((cosines.mean(), cosines.max()))
            gold.append(float(score))
    return [float(spearmanr(each, gold)[0]) for each in np.array(found).T]


def area(scores: Sequence[float], is_same: Sequence[bool]) -> float:
    """Return the probability that a pair of the same sense has a greater score than another (the area below the ROC curve)."""
    ranks, same = rankdata(scores), np.array(is_same)
    count = int(same.sum())
    return float((ranks[same].sum() - count * (count + 1) / 2) / (count * (len(same) - count)))


def compare_uses(
    embedder: MultiSense, word_vectors: Embedder
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the scores of all pairs of uses, and of those of words that have several senses in the embedder."""
    rows = [line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines()[1:]]
    found = []
    for word, kind, *texts in rows:
        uses = [(words, words.index(word)) for words in map(split_words, texts)]
        senses = [embedder.sense_of(*use) for use in uses]
        own = [unit(embedder.embed_in_context(words)[place]) for words, place in uses]
        around = [
            unit(unit(word_vectors.embed([w for w in words if w != word])).sum(axis=0))
            for words, _ in uses
        ]
        is_same = kind == "same"
        found.append(
            (
                word in embedder.ambiguous,
                is_same,
                (senses[0] == senses[1]) == is_same,
                float(own[0] @ own[1]),
                float(around[0] @ around[1]),
            )
        )

    def score(some: list[Any]) -> dict[str, Any]:
        _, same, right, own, around = zip(*some, strict=True)
        return {
            "pairs": len(some),
            "accuracy": round(float(np.mean(right)), 3),
            "area": round(area(own, same), 3),
            "area by mean of words around": round(area(around, same), 3),
        }

    return score(found), score([each for each in found if each[0]])


def longer() -> None:
    """Print the score of one vector for each word, trained for as many epochs as senses are in all."""
    single = fit(plain(10), list(wikipedia()))
    cosines = similarity(single.vocabulary, lambda word: single.embed([word]))
    print(f"one vector, 10 epochs: WS-353 {cosines[0]:.3f}")


def pairs() -> None:
    """Print scores of pairs of uses, and of WordSim-353."""
    texts = list(wikipedia())
    embedder = fit(MultiSense(embedder=plain()), texts)
    single = embedder.embedder
    cosines = similarity(single.vocabulary, lambda word: single.embed([word]))
    print(f"one vector: WS-353 {cosines[0]:.3f}")
    mean, greatest = similarity(embedder.vocabulary, embedder.vectors_of)
    print(f"senses: WS-353 by the mean {mean:.3f}, by the greatest {greatest:.3f}")
    print("words with several senses:", len(embedder.ambiguous))
    every, several = compare_uses(embedder, single)
    print("all pairs:", every)
    print("of words with several senses:", several)
    for word in ("bank", "star", "rock", "plant", "cell", "court"):
        for sense in embedder.senses(word, nearest=6):
            near = " ".join(name for name, _ in sense.nearest)
            print(f"{word} {sense.number} {sense.share:.2f} {near}")


def merged() -> None:
    """Print how well the uses of words that were merged are told apart."""
    texts = list(wikipedia())
    form = {word: "+".join(two) for two in MERGED for word in two}
    joined = [[form.get(word, word) for word in words] for words in texts]
    embedder = fit(MultiSense(embedder=plain()), joined)
    uses: dict[str, Counter[tuple[int, str]]] = {name: Counter() for name in form.values()}
    for before, after in zip(texts, joined, strict=True):
        if not uses.keys().isdisjoint(after):
            for word, name, sense in zip(before, after, embedder.senses_of(after), strict=True):
                if name in uses:
                    uses[name][sense, word] += 1
    right, most, senses = [], [], []
    for counts in uses.values():
        by_word, by_sense = Counter[str](), dict[int, Counter[str]]()
        for (sense, word), count in counts.items():
            by_word[word] += count
            by_sense.setdefault(sense, Counter())[word] += count
        total = sum(counts.values())
        most.append(max(by_word.values()) / total)
        right.append(sum(max(each.values()) for each in by_sense.values()) / total)
        senses.append(len(by_sense))
    print(
        f"{len(uses)} merged words: accuracy {np.mean(right):.3f}, of the more frequent word {np.mean(most):.3f}, "
        f"{np.mean(senses):.1f} senses each, {sum(n > 1 for n in senses)} with several"
    )


if __name__ == "__main__":
    {"pairs": pairs, "longer": longer, "merged": merged}[sys.argv[1]]()
