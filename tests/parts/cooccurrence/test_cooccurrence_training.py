"""What a training refuses to be told."""

import io

import numpy as np
import pytest

from seqpipe.errors import ConfigError
from seqpipe.parts.cooccurrence import Training, checkpoints_in, read_corpus, train


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"architecture": "bag"}, "may be"),
        ({"position_weights": True}, "needs the architecture"),
        ({"train_words": False}, "needs `documents`"),
        ({"patience": 0}, "must be at least 1"),
        ({"negative_exponent": float("nan")}, "must be a finite number"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, problem):
    with pytest.raises(ConfigError, match=problem):
        Training(width=4, **settings)


class OtherTokens:
    """Tokens that aren't a corpus, and may differ from epoch to epoch."""

    counts = np.array([4, 4])
    size = 12
    ends = np.array([3, 6, 9, 12])

    def numbers(self, first, last):
        return np.tile(np.array([0, 1, -1], dtype=np.int32), 4)[first:last]


def test_checkpoints_of_other_tokens_than_a_corpus_are_refused(tmp_path):
    with (
        checkpoints_in(tmp_path / "checkpoints") as checkpoints,
        pytest.raises(ValueError, match="a checkpoint needs a Corpus"),
    ):
        train(OtherTokens(), Training(width=4), seed=0, checkpoints=checkpoints)


def test_patience_without_held_out_text_is_refused():
    corpus = read_corpus([["a", "b"]] * 5, io.BytesIO(), min_count=lambda _: 1)
    with pytest.raises(ValueError, match="held out"):
        train(corpus, Training(width=4, patience=1), seed=0)
