"""Finds phrases in a file of numbers."""

from typing import IO

import numpy as np

from seqpipe.parts.cooccurrence._pairs import Bar, count_words, find_pairs, join_pairs
from seqpipe.parts.phrases import Phrase, PhraseRule, Phrases


def find_phrases(
    file: IO[bytes], forms: dict[str, int], rule: PhraseRule, *, least: int
) -> Phrases:
    """Put the phrases of a file of numbers together, which is rewritten.

    Args:
        file: The numbers of words, int32; -1 ends a sequence.
        forms: The number of each word, to which those of phrases are added. A word that's written as a phrase has its number.
        rule: What makes a phrase.
        least: How often a phrase must occur in any case.
    """
    bar = Bar(rule.threshold, rule.discount, least)
    found: list[Phrase] = []
    for number in range(1, rule.passes + 1):
        pairs = find_pairs(file, count_words(file, len(forms)), bar)
        if not len(pairs.counts):
            break
        words = list(forms)
        new = [
            Phrase(words[a], words[b], words[a] + rule.connector + words[b], count, score, number)
            for a, b, count, score in zip(
                pairs.first.tolist(),
                pairs.second.tolist(),
                pairs.counts.tolist(),
                pairs.scores.tolist(),
                strict=True,
            )
        ]
        joined = [forms.setdefault(phrase.name, len(forms)) for phrase in new]
        join_pairs(file, pairs, np.array(joined, dtype=np.int32), len(words))
        found += new
    return Phrases(tuple(found))
