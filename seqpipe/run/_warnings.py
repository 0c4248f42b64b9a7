"""What looks wrong with a trained pipeline, with the settings that may help."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from seqpipe.reporting import Reporter

#: A class of fewer texts may be missed by chance.
_MIN_TEXTS: Final = 5
#: So many of the names of classes are shown.
_SHOWN: Final = 5
#: A loss that ends above this share of what it began with hasn't fallen.
_FALLEN: Final = 0.98
#: A loss below this has nothing left to fall.
_LOW: Final = 1e-3
#: So many lines of history say more than chance does.
_MIN_LINES: Final = 4
#: Where fewer words than this share have a vector, most of a text is unseen.
_MIN_KNOWN: Final = 0.5
#: The root mean square of a number in a vector; networks are initialised for 1.
_SCALES: Final = (0.1, 10.0)
_SAMPLE: Final = 200


def warn(
    nlp: Language,
    reporter: Reporter,
    *,
    scores: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    docs: Iterable[Doc] = (),
) -> list[str]:
    """Report what looks wrong, and return it, a sentence each.

    Args:
        nlp: The trained pipeline.
        reporter: What's told.
        scores: What the pipeline's task said of the test part; empty without one.
        history: A line for each evaluation on the dev part.
        docs: Tokenized texts, of which some are looked at.
    """
    found = [*_of_classes(scores, _advice(nlp)), *_of_loss(history)]
    for name, of_head in scores.get("heads", {}).items():
        found += [f"[heads.{name}] {each}" for each in _of_classes(of_head, _advice(nlp))]
    if nlp.vocab.vectors.shape[1]:
        found += _of_vectors(list(islice(docs, _SAMPLE)))
    for warning in found:
        reporter.note(f"warning: {warning}")
    return found


def _advice(nlp: Language) -> str:
    """Return what may help a model that has learnt nothing, apart from what's so already."""
    vectors = nlp.config["nlp"].get("vectors") or {}
    embedder = vectors.get("embedder") or {}
    if not any(hasattr(pipe, "model") for _, pipe in nlp.pipeline):
        return "Try other settings of [classifier], and look at the labels of the rows"
    tips = ["a larger `learn_rate` in [training.optimizer]", "more `max_epochs` in [training]"]
    if "standardize" in embedder and not embedder["standardize"]:
        tips.append("`standardize = true` in [embedder]")
    return f"Try {', '.join(tips)}, and look at the labels of the rows"


def _of_classes(scores: Mapping[str, Any], advice: str) -> Iterator[str]:
    classes: Mapping[str, Mapping[str, Any]] = scores.get("classes") or {}
    texts = {label: each["texts"] for label, each in classes.items()}
    confusion = scores.get("confusion")
    if confusion:
        answered = {label: sum(row[label] for row in confusion.values()) for label in confusion}
        only = [label for label, count in answered.items() if count]
        if len(only) == 1 and min(sorted(texts.values())[-2:]) and len(texts) > 1:
            yield (
                f"every text of the test part is put into {only[0]!r}: nothing was learnt. {advice}"
            )
            return
        missed = [label for label in answered if not answered[label] and texts[label] >= _MIN_TEXTS]
    else:
        missed = [
            label
            for label, each in classes.items()
            if each["texts"] >= _MIN_TEXTS and not each["recall"]
        ]
    if missed:
        shown = ", ".join(map(repr, missed[:_SHOWN]))
        more = f" and {len(missed) - _SHOWN} more" if missed[_SHOWN:] else ""
        yield (
            f"never predicted, though the test part has {_MIN_TEXTS} texts or more of it: {shown}{more}. Give them more "
            'texts, or set `class_weights = "balanced"` in [head], [wide] or [classifier]'
        )
    largest = max(texts.values(), default=0)
    if confusion and scores["accuracy"] <= largest / max(1, sum(texts.values())):
        yield (
            f"the accuracy, {scores['accuracy']:.4f}, is no better than putting every text into the largest class. "
            f"{advice}"
        )


def _of_loss(history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    losses = [line["loss"] for line in history if line.get("loss") is not None]
    if len(losses) < _MIN_LINES:
        return
    quarter = len(losses) // 4
    before, after = np.mean(losses[:quarter]), np.mean(losses[-quarter:])
    if after > _FALLEN * before and after > _LOW:
        yield (
            f"the loss on the train part didn't fall: {before:.4f} at first, {after:.4f} in the end. Try another "
            "`learn_rate` in [training.optimizer], and less `dropout`"
        )


def _of_vectors(docs: Sequence[Doc]) -> Iterator[str]:
    words = [token for doc in docs for token in doc if not token.is_space]
    if not words:
        return
    vectors = np.stack([np.asarray(token.vector) for token in words])
    known = vectors.any(1)
    if known.mean() < _MIN_KNOWN:
        yield (
            f"{1 - known.mean():.0%} of the words have no vector. Try `lower = true`, a smaller `min_count`, or other "
            "vectors in [embedder]"
        )
    if known.any():
        scale = float(np.sqrt(np.square(vectors[known], dtype=np.float64).mean()))
        if not _SCALES[0] <= scale <= _SCALES[1]:
            yield (
                f"the root mean square of the word vectors is {scale:.2g}, and an encoder expects about 1: set "
                "`standardize = true` in [embedder]"
            )
