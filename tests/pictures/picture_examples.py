"""Vectors to draw, and names that do harm where they aren't escaped."""

import numpy as np

from seqpipe.parts.embedders import Embedder

HOSTILE = (
    "</script><script>alert(1)</script>",
    "\"double\" 'single'",
    "<b>&amp;</b>",
    "-->]]><!--",
    "x" * 5000,
    "שלום עולם",
    "\u202egnp.exe",
    "👩‍👩‍👧",
    "日本語",
    "e\u0301",
    "line\nbreak",
    "\0",
    "\ud800",
    "one\u2028two",
    "$data ${title}",
    "__proto__",
    "two words",
)


class Drawn(Embedder):
    """Each word has a random vector of its own, but for those that are given one."""

    def __init__(self, width=6, **vectors):
        self.width = width
        self._vectors = vectors

    @property
    def vocabulary(self):
        return list(self._vectors)

    def fit(self, sequences, *, seed=0, on_progress=None):
        """There's nothing to fit."""

    def embed(self, words):
        found = [self._vectors.get(word) or self._draw(word) for word in words]
        return np.array(found, "float32").reshape(-1, self.width)

    def _draw(self, word):
        key = list(word.encode("utf-8", "surrogatepass"))
        return np.random.default_rng([1, *key]).normal(size=self.width).tolist()

    def to_disk(self, path):
        """There's nothing to write."""

    def from_disk(self, path):
        """There's nothing to read."""


def crowds(each=20):
    """Return words in three crowds, by their crowds' names, and an embedder of them."""
    random = np.random.default_rng(0)
    vectors, groups = {}, {}
    for axis, crowd in enumerate(("red", "green", "blue")):
        for number in range(each):
            vectors[f"{crowd}{number}"] = (5 * np.eye(6)[axis] + random.normal(size=6)).tolist()
            groups[f"{crowd}{number}"] = crowd
    return Drawn(**vectors), groups
