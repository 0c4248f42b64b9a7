"""Scores vectors on lists, and gathers what came of it."""

from collections.abc import Callable
from typing import Any

from seqpipe.adapters import tokenized
from seqpipe.cli.embeddings._known import Lists
from seqpipe.cli.embeddings._model import Opened
from seqpipe.evaluation import EmbeddingScore, Fitted
from seqpipe.evaluation.embeddings import (
    WORD_ORDER,
    Analogies,
    Categorisation,
    Relatedness,
    SentenceVectors,
    WordSimilarity,
    bags_of_words,
    encoded_sentences,
    named_lists,
    read_order,
    read_sentences,
    score_order,
    score_sentences,
)
from seqpipe.parts.tokenizers import Regex, Tokenize


def evaluate(
    opened: Opened, lists: Lists, *, limit: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Score vectors on lists.

    Args:
        opened: What has the vectors, and perhaps an encoder.
        lists: The lists.
        limit: Of how many of the most frequent words analogies ask; 0 for all.
        say: Is told what's being done.

    Returns:
        Plain data: "model", the number of "words", the "width", whether there's an "encoder", the paths
        of the "lists", and under "scores" what the scorers return.
    """
    fitted = Fitted(opened.embedder)
    scores: dict[str, Any] = {}
    for name, scorer in _scorers(lists, limit).items():
        say(f"scoring {name.replace('_', ' ')}…")
        for score in scorer:
            scores[name] = {**scores.get(name, {}), **score(fitted)}
    say("scoring sentences…")
    scores.update(_score_sentences(opened, lists))
    return {
        "model": opened.name,
        "words": len(opened.embedder.vocabulary),
        "width": opened.embedder.width,
        "encoder": opened.encoder is not None,
        "lists": lists.paths(),
        "scores": scores,
    }


def _scorers(lists: Lists, limit: int) -> dict[str, list[EmbeddingScore]]:
    found: dict[str, list[EmbeddingScore]] = {
        "similarity": [WordSimilarity(path=lists.similarity)] if lists.similarity else [],
        "relatedness": (
            [Relatedness(similarity=lists.alike, relatedness=lists.related)]
            if lists.packaged
            else []
        ),
        "analogies": [Analogies(path=lists.analogies, limit=limit)] if lists.analogies else [],
        "categories": [Categorisation(path=path) for path in lists.categories],
    }
    return {name: scorers for name, scorers in found.items() if scorers}


def _score_sentences(opened: Opened, lists: Lists) -> dict[str, Any]:
    if not lists.sentences and not lists.packaged:
        return {}
    tokenize = tokenizer_of(opened)
    ways: dict[str, SentenceVectors] = bags_of_words(Fitted(opened.embedder), tokenize)
    if opened.encoder is not None:
        ways["encoder"] = encoded_sentences(opened.encoder)
    scores: dict[str, Any] = {}
    if lists.sentences:
        scores["sentences"] = {
            name: score_sentences(read_sentences(path), ways)
            for name, path in named_lists(lists.sentences).items()
        }
    if lists.packaged:
        scores["word_order"] = score_order(read_order(WORD_ORDER, tokenize), ways)
    return scores


def tokenizer_of(opened: Opened) -> Tokenize:
    """Return what makes words of a text: the pipeline's own tokenizer, if there's a pipeline."""
    nlp = opened.nlp
    if nlp is None:
        return Regex()
    return lambda text: [
        token.text for token in tokenized(nlp.tokenizer, text) if not token.is_space
    ]
