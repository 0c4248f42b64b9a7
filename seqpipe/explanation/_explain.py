"""Which words mattered for a prediction: by gradients, by leaving words out, by attention."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
import torch
from spacy.language import Language
from spacy.tokens import Doc
from torch import Tensor

from seqpipe.adapters import is_pair, learnt_tasks
from seqpipe.errors import ConfigError
from seqpipe.explanation._gradients import integrate_gradients
from seqpipe.explanation._path import Path, random_baselines
from seqpipe.messages import did_you_mean, nearest, one_of
from seqpipe.parts.heads import Attention
from seqpipe.tasks.text_classes import TextClasses

#: Ways of saying which words mattered.
Method: TypeAlias = Literal["gradients", "leave-one-out", "attention"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
#: A score this near to 0 or 1 counts as if it were that far from it.
_NEAREST: Final = 1e-6
#: So many texts of random words a text is compared with.
_BASELINES: Final = 8


@dataclass(frozen=True)
class Explained:
    """What the words of a text contribute to one label.

    Attributes:
        label: The label; for attention, which is for all labels alike, an empty string.
        words: A number for each word.
        total: What the words' numbers add up to: by gradients the logit's difference to that of the baseline, for attention 1; None if they needn't add up.
        error: By how much they miss it.
        shared_out: By gradients, how much was shared out; see `seqpipe.explanation.Gradients`.
        baseline: By gradients, what the text was compared with.
    """

    label: str
    words: Sequence[float]
    total: float | None = None
    error: float = 0.0
    shared_out: float = 0.0
    baseline: str = ""


@dataclass(frozen=True)
class Explanation:
    """Which words of a text mattered.

    Attributes:
        component: The component whose predictions are explained.
        method: How they were.
        words: The words.
        spaces: What follows each of them: a blank or nothing.
        scores: The score of each label that the whole pipeline gives.
        explained: What words contribute, label by label.
    """

    component: str
    method: Method
    words: Sequence[str]
    spaces: Sequence[str]
    scores: dict[str, float]
    explained: Sequence[Explained]

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON can hold it."""
        return {**vars(self), "explained": [dict(vars(each)) for each in self.explained]}


def explain(
    nlp: Language,
    text: str | Doc,
    *,
    component: str | None = None,
    labels: Sequence[str] | None = None,
    method: Method = "gradients",
    seed: int = 0,
) -> Explanation:
    """Say which words of a text mattered for the labels that a pipeline gives it.

    - "gradients": integrated gradients of the head's logit by the words' vectors (Sundararajan, Taly & Yan 2017), compared with
      eight texts of random words (Erion et al. 2021). What a classifier of `[wide]` adds to the scores isn't part of it.
    - "leave-one-out": by how much the log-odds of the pipeline's score fall when a word is left out, `[wide]` and all.
    - "attention": the weights by which the head's attention pools the words; how much a word is looked at, not what for.

    Args:
        nlp: The pipeline.
        text: The text, or a doc of it without predictions.
        component: The component to explain; None for the first one that puts texts into classes.
        labels: The labels; None for the one with the highest score.
        method: How.
        seed: Decides which random words a text is compared with.

    Raises:
        ConfigError: The pipeline has no such component or label, or there's nothing to explain it by.
    """
    if method not in METHODS:
        raise ConfigError(f"`method` is {method!r}; it may be {one_of(METHODS)}", setting="method")
    doc = nlp.make_doc(text) if isinstance(text, str) else text
    if not len(doc):
        raise ConfigError("the text has no words, so there's nothing to explain")
    name = _component(nlp, component)
    known = tuple(nlp.get_pipe(name).labels)
    cats = nlp(doc.copy()).cats
    scores = {label: cats[label] for label in known if label in cats}
    chosen = _labels(scores, labels)
    explained: list[Explained]
    if method == "leave-one-out":
        explained = _left_out(nlp, doc, scores, chosen)
    else:
        path = Path(nlp, name, doc)
        if method == "gradients":
            baselines = random_baselines(nlp, name, doc, count=_BASELINES, seed=seed)
            explained = [
                _by_gradients(path, known.index(label), label, baselines) for label in chosen
            ]
        else:
            explained = [Explained("", _attention(path), 1.0)]
    spaces = [token.whitespace_ for token in doc]
    return Explanation(name, method, [t.text for t in doc], spaces, scores, explained)


def _component(nlp: Language, wished: str | None) -> str:
    found = [n for n, task in learnt_tasks(nlp).items() if isinstance(task, TextClasses)]
    if not found:
        raise ConfigError("the pipeline puts no texts into classes, which is what can be explained")
    if wished is None:
        return found[0]
    if wished not in found:
        raise ConfigError(
            f"no component {wished!r} puts texts into classes, only {', '.join(found)}",
            setting="component",
        )
    return wished


def _labels(scores: dict[str, float], wished: Sequence[str] | None) -> Sequence[str]:
    if not wished:
        return [max(scores, key=lambda label: scores[label])]
    if unknown := [label for label in wished if label not in scores]:
        hint = did_you_mean(nearest(unknown[0], scores))
        raise ConfigError(
            f"there's no label {unknown[0]!r}, only {', '.join(list(scores)[:20])}{'; ' + hint if hint else ''}",
            setting="labels",
        )
    return wished


def _by_gradients(
    path: Path, number: int, label: str, baselines: Sequence[Tensor] | None
) -> Explained:
    found = integrate_gradients(path, number, baselines=baselines)
    words = [float(x) for x in found.words]
    baseline = f"{len(baselines)} texts of random words" if baselines else "vectors of zero"
    return Explained(label, words, found.difference, found.error, found.shared_out, baseline)


def _left_out(
    nlp: Language, doc: Doc, scores: dict[str, float], labels: Sequence[str]
) -> list[Explained]:
    if is_pair(doc):
        raise ConfigError("words of pairs can't be left out: explain them by gradients")
    if sum(not token.is_space for token in doc) < 2:
        raise ConfigError("a text of one word has nothing left without it: explain it by gradients")
    words = [token.text for token in doc]
    spaces = [bool(token.whitespace_) for token in doc]
    without = [
        Doc(nlp.vocab, words=words[:n] + words[n + 1 :], spaces=spaces[:n] + spaces[n + 1 :])
        for n in range(len(words))
    ]
    found = [each.cats for each in nlp.pipe(without)]
    return [
        Explained(label, [_log_odds(scores[label]) - _log_odds(cats[label]) for cats in found])
        for label in labels
    ]


def _log_odds(score: float) -> float:
    share = min(max(score, _NEAREST), 1 - _NEAREST)
    return float(np.log(share) - np.log1p(-share))


def _attention(path: Path) -> list[float]:
    """Return the weights of the head's attention, the mean of them if there are several."""
    pools = [module for module in path.head.modules() if isinstance(module, Attention)]
    if not pools:
        raise ConfigError('the head has no attention to show: its `pool` isn\'t "attention"')
    vectors = path.encoded()
    weights = [_weights(pool, vectors) for pool in pools]
    return [float(x) for x in torch.stack(weights).mean(0)]


def _weights(pool: Attention, vectors: Tensor) -> Tensor:
    # Of an ensemble, each head sees a part of the vectors, which isn't told apart here.
    width = pool.key.in_features
    if vectors.shape[1] != width:
        raise ConfigError("the attention of an ensemble of heads can't be shown")
    with torch.no_grad():
        products, bias, query = pool(vectors)
        weights: Tensor = (torch.tanh(products + bias) @ query).softmax(0)
    return weights
