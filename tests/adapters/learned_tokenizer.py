"""A small tokenizer that learns: byte-pair merges over characters."""

import json
from collections import Counter
from itertools import pairwise

from seqpipe.errors import SavedModelError, TokenizerError
from seqpipe.parts.tokenizers import LearnedTokenizer


class Merges(LearnedTokenizer):
    """Joins the pairs of characters that are the most frequent in the texts that it's fitted on.

    Args:
        count: How many pairs are learned.
    """

    def __init__(self, *, count: int = 40) -> None:
        self.count = count
        self.pairs = None

    def fit(self, texts, *, seed=0):
        words = Counter(word for text in texts for word in text.split())
        if not words:
            raise TokenizerError("there's nothing to fit the tokenizer on")
        split = {word: [*word] for word in words}
        self.pairs = []
        for _ in range(self.count):
            pairs = Counter()
            for word, pieces in split.items():
                for pair in pairwise(pieces):
                    pairs[pair] += words[word]
            if not pairs:
                break
            self.pairs.append(max(pairs, key=lambda pair: (pairs[pair], pair)))
            split = {word: _join(pieces, self.pairs[-1]) for word, pieces in split.items()}

    def __call__(self, text):
        if self.pairs is None:
            raise TokenizerError("the tokenizer hasn't been fitted")
        found = []
        for word in text.split():
            pieces = [*word]
            for pair in self.pairs:
                pieces = _join(pieces, pair)
            found += pieces
        return found

    def to_disk(self, path):
        if self.pairs is None:
            raise TokenizerError("the tokenizer hasn't been fitted")
        (path / "pairs.json").write_text(json.dumps(self.pairs), encoding="utf-8")

    def from_disk(self, path):
        try:
            pairs = json.loads((path / "pairs.json").read_text(encoding="utf-8"))
            self.pairs = [(str(left), str(right)) for left, right in pairs]
        except (OSError, ValueError, TypeError) as error:
            raise SavedModelError(f"{path / 'pairs.json'} can't be read: {error}") from error


def _join(pieces, pair):
    joined = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
