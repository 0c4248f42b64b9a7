"""How well hidden items of held-out baskets are guessed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import numpy as np
from seqpipe.errors import ConfigError
from seqpipe.evaluation import EmbeddingScore, Fitted

from seqpipe_item2vec._embedder import ItemEmbedder
from seqpipe_item2vec._rankers import (
    Ranker,
    by_item_cosine,
    by_popularity,
    by_prediction,
    by_similarity,
    count_items,
    gains,
    rank_of,
)
from seqpipe_item2vec._trials import Hide, Trial, draw_trials


def make_next_items(*, k: int = 10, hide: Hide = "each", most: int = 10_000) -> EmbeddingScore:
    """Make a score that hides items of held-out baskets, and has them guessed from the rest of the basket.

    Candidates are all known items but those of the basket. They're ranked in up to four ways:

    - `predicted`: by how likely the embedder says that they are, for an `item2vec.Item2Vec`;
    - `similar`: by the cosine of their vector with the mean of those of the basket, for any embedder;
    - `popularity`: by the number of training baskets that they're in;
    - `item_cosine`: by the cosines of their columns in the table of training baskets with those of the basket.

    The last two need no vectors: they're what an embedder should beat.

    Args:
        k: How many of the ranked items are looked at.
        hide: Each item of a basket in turn, one by chance, or the last one, for sessions and histories.
        most: How many hidden items to ask for, drawn at random if there are more.

    Returns:
        The score: for each way the `hit_rate`, the share of hidden items that are among the first k, and the `mrr`,
        the mean of 1 by the rank for those and 0 for others. `coverage` is the share of hidden items that could be
        asked for: which are known, and stand beside a known one.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """
    if k < 1 or most < 1:
        raise ConfigError(f"k is {k} and most is {most}; both must be at least 1")
    if hide not in get_args(Hide):
        raise ConfigError(f'hide is {hide!r}; it may be "each", "random" or "last"')

    def score(fitted: Fitted) -> Mapping[str, Any]:
        items = list(fitted.embedder.vocabulary)
        numbers = {item: number for number, item in enumerate(items)}
        drawn = draw_trials(fitted.test(), numbers, hide=hide, most=most, seed=fitted.seed)
        scores: dict[str, Any] = {
            "k": k,
            "items": len(items),
            "baskets": drawn.baskets,
            "trials": len(drawn.trials),
            "coverage": drawn.askable / drawn.hidden if drawn.hidden else 0.0,
        }
        if drawn.trials:
            scores |= {name: _rate(rank, drawn.trials, k) for name, rank in _rankers(fitted, items)}
        return scores

    return score


def _rankers(fitted: Fitted, items: Sequence[str]) -> Iterator[tuple[str, Ranker]]:
    if isinstance(fitted.embedder, ItemEmbedder):
        yield "predicted", by_prediction(items, fitted.embedder.predict)
    yield "similar", by_similarity(fitted.embedder.embed(items))
    counts = count_items(fitted.train(), {item: number for number, item in enumerate(items)})
    # What a loaded embedder was fitted on isn't at hand.
    if counts.single.any():
        yield "popularity", by_popularity(counts)
        yield "item_cosine", by_item_cosine(counts)


def _rate(rank: Ranker, trials: Sequence[Trial], k: int) -> dict[str, float]:
    ranks = [rank_of(trial.hidden, rank(trial.rest), trial.rest) for trial in trials]
    found = np.array(list(gains(ranks, k)))
    return {"hit_rate": float(np.mean(found > 0)), "mrr": float(np.mean(found))}
