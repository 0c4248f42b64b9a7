"""Vectors in a plane, and the papers' updates, one word after another."""

import numpy as np

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import CounterFitted, Embedder, FitProgress, Retrofitted, Word2Vec

#: Words that sequences of the conformance kit are made of, too.
SYNONYMS = "# near to each other\ncat dog\n\nsat ran on\none two\n"
ANTONYMS = "red\tblue\nmat road\none three\n"


class Table(Embedder):
    """Vectors that are given, whatever it's fitted on; looked up in lower case if that's asked for."""

    def __init__(self, vectors, lower=False):
        self._vectors = {word: np.array(vector, "float32") for word, vector in vectors.items()}
        self._lower = lower
        self.width = len(next(iter(self._vectors.values())))
        self.fitted = False

    @property
    def vocabulary(self):
        return list(self._vectors) if self.fitted else []

    def fit(self, sequences, *, seed=0, on_progress=None):
        if not any(sequences):
            raise EmbedderError("there are no words")
        self.fitted = True
        for fraction in (0.5, 1.0):
            (on_progress or (lambda progress: None))(FitProgress(fraction, loss=3.0))

    def embed(self, words):
        words = [word.lower() if self._lower else word for word in words]
        # Unknown words have something too, such as the mean of their parts.
        found = [self._vectors.get(word, [len(word)] * self.width) for word in words]
        return np.array(found, "float32").reshape(-1, self.width)

    def to_disk(self, path):
        (path / "table").write_text("", encoding="ascii")

    def from_disk(self, path):
        self.fitted = (path / "table").exists()


def random_units(words, width=4, seed=0):
    drawn = np.random.default_rng(seed).normal(size=(words, width))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def retrofitted_one_by_one(vectors, pairs, iterations, own_weight):
    """Go through the words as the authors' program does."""
    others = {}
    for one, other in pairs:
        others.setdefault(one, []).append(other)
        others.setdefault(other, []).append(one)
    moved = [vector.copy() for vector in vectors]
    for _ in range(iterations):
        for word in sorted(others):
            total = own_weight * vectors[word]
            for other in others[word]:
                total = total + moved[other] / len(others[word])
            moved[word] = total / (own_weight + 1)
    return np.array(moved)


def counter_fitted_one_by_one(units, synonyms, antonyms, objective, iterations):
    """Take the steps of the authors' program, over one pair after another, each both ways."""
    neighbours = {
        (i, j): 1 - units[i] @ units[j]
        for i in range(len(units))
        for j in range(len(units))
        if i != j and 1 - units[i] @ units[j] <= objective.neighbour_distance
    }
    antonyms = {pair for i, j in antonyms for pair in ((i, j), (j, i))}
    synonyms = {pair for i, j in synonyms for pair in ((i, j), (j, i))} - antonyms
    neighbours = {pair: neighbours[pair] for pair in neighbours.keys() - antonyms}
    terms = [(pair, -objective.antonym_weight, objective.antonym_distance) for pair in antonyms]
    terms += [(pair, objective.synonym_weight, objective.synonym_distance) for pair in synonyms]
    terms += [(pair, objective.neighbour_weight, before) for pair, before in neighbours.items()]
    # As if they weren't there: they don't count in a mean.
    terms = [term for term in terms if term[1]]
    for _ in range(iterations):
        moves = {}
        for (i, j), weight, distance in terms:
            now = 1 - units[i] @ units[j]
            if now < distance if weight < 0 else now > distance:
                slope = units[i] * (units[i] @ units[j]) - units[j]
                moves.setdefault(i, []).append(-weight * slope)
        units = units.copy()
        for word, added in moves.items():
            units[word] += sum(added) / len(added)
            units[word] /= np.linalg.norm(units[word])
    return units


def make_retrofitted(*, synonyms: str) -> Retrofitted:
    """Make one that draws the vectors of a small Word2Vec together."""
    return Retrofitted(embedder=Word2Vec(width=6, min_count=1, epochs=1), synonyms=synonyms)


def make_counter_fitted(*, synonyms: str, antonyms: str) -> CounterFitted:
    """Make one that pushes the vectors of a small Word2Vec apart."""
    inner = Word2Vec(width=6, min_count=1, epochs=1, lower=True)
    return CounterFitted(embedder=inner, synonyms=synonyms, antonyms=antonyms)
