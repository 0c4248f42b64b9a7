"""Tunes components on texts that nothing was fitted on, before a model is saved."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.pipeline import MultiLabel_TextCategorizer, TextCategorizer, Tok2Vec
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters._classifier_pipe import ClassifierPipe
from seqpipe.adapters._context import context_of
from seqpipe.adapters._contract import read_examples
from seqpipe.adapters._decision_pipe import DecisionPipe
from seqpipe.adapters._wide_pipe import WidePipe

_TUNED: Final = (WidePipe, DecisionPipe)


def make_tune_mix(corpus: Callable[[Language], Any]) -> Callable[[Language], Language]:
    """Make a callback that tunes a pipeline's "seqpipe_wide" and "seqpipe_decision"; registered as "seqpipe.TuneMix.v1".

    It belongs in [training.before_to_disk], so that each model is saved with weights and thresholds of its own.

    Args:
        corpus: Reads texts that nothing was fitted on, such as those of the dev part. What `predict_evaluated` has
            just predicted of the same texts isn't predicted again.
    """

    def tune(nlp: Language) -> Language:
        for place, (_, pipe) in enumerate(list(nlp.pipeline)):
            if not isinstance(pipe, _TUNED):
                continue
            with _predicted(nlp, corpus, place) as (examples, docs):
                pipe.tune(docs, [example.reference for example in examples])
                _set_performance(nlp, pipe, examples, docs)
        return nlp

    return tune


def _set_performance(
    nlp: Language, pipe: WidePipe | DecisionPipe, examples: Sequence[Example], docs: Sequence[Doc]
) -> None:
    """Replace the scores in the pipeline's description, which are of the pipeline before it was tuned."""
    performance = nlp.meta.get("performance", {})
    for example, doc in zip(examples, pipe.pipe(docs), strict=True):
        # Setting it lists the words of the doc anew.
        if example.predicted is not doc:
            example.predicted = doc
    scores = pipe.score(examples)
    performance.update({name: scores[name] for name in performance if name in scores})


@contextlib.contextmanager
def _predicted(
    nlp: Language, corpus: Callable[[Language], Any], place: int
) -> Iterator[tuple[Sequence[Example], list[Doc]]]:
    """Yield the examples of a corpus, and their docs with what the components before one have predicted."""
    known = context_of(nlp).evaluated
    if known is None or not known.serves(nlp, corpus, place):
        examples = list(read_examples(corpus, nlp))
        yield examples, _run(nlp, 0, place, [example.predicted for example in examples])
        return
    with known.scored() as docs:
        yield known.examples, _run(nlp, known.place, place, docs)


def _run(nlp: Language, start: int, stop: int, docs: Sequence[Doc]) -> list[Doc]:
    """Have the components from one place to another annotate docs."""
    names = nlp.pipe_names
    with nlp.select_pipes(disable=[*names[:start], *names[stop:]]):
        return list(nlp.pipe(docs))


# What an evaluation has predicted already.


@dataclass(frozen=True, eq=False)
class _Evaluated:
    """The scores of texts that the first component to tune was given.

    Attributes:
        is_same: Says whether a corpus yields the same texts; see `Corpus.is_same`.
        examples: The texts; their predicted docs have no annotations.
        components: Those of the pipeline.
        place: That of the first one to tune.
        labels: The labels that each text has scores of.
        scores: The scores, `[texts, labels]`.
    """

    is_same: Callable[[Any, Language], bool]
    examples: Sequence[Example]
    components: Sequence[Any]
    place: int
    labels: tuple[str, ...]
    scores: NDArray[np.float64]

    def serves(self, nlp: Language, corpus: Any, place: int) -> bool:
        """Say whether a component at a place can be tuned by these scores, on the texts of a corpus."""
        components = [pipe for _, pipe in nlp.pipeline]
        are_same = list(map(id, components)) == list(map(id, self.components))
        between = components[self.place : place]
        only_scores = all(isinstance(each, ClassifierPipe) for each in between)
        return are_same and only_scores and self.is_same(corpus, nlp)

    @contextlib.contextmanager
    def scored(self) -> Iterator[list[Doc]]:
        """Yield the predicted docs, which have the scores meanwhile."""
        before = [(example.predicted, example.predicted.cats) for example in self.examples]
        try:
            for (doc, cats), row in zip(before, self.scores, strict=True):
                doc.cats = {**cats, **dict(zip(self.labels, row.tolist(), strict=True))}
            yield [doc for doc, _ in before]
        finally:
            for doc, cats in before:
                doc.cats = cats


def predict_evaluated(
    nlp: Language,
    docs: Sequence[Doc],
    examples: Sequence[Example],
    is_same: Callable[[Any, Language], bool] | None,
) -> list[Doc]:
    """Return what `nlp.pipe` returns, and keep the scores before the first component to tune, for `make_tune_mix`.

    Call it in a block of `forgetting_evaluated`.

    Args:
        nlp: The pipeline.
        docs: The predicted docs of the examples, or copies of them.
        examples: They stay as they are while the scores are kept, except for annotations that are taken back.
        is_same: Says whether a corpus yields the same texts; without, no scores are kept.
    """
    components = [pipe for _, pipe in nlp.pipeline]
    place = next((n for n, pipe in enumerate(components) if isinstance(pipe, _TUNED)), None)
    is_kept = place is not None and all(map(only_categorizes, components[:place]))
    if place is None or not is_kept or is_same is None:
        return list(nlp.pipe(docs))
    scored = _run(nlp, 0, place, docs)
    labels = tuple(scored[0].cats) if scored else ()
    if len(scored) == len(examples) and all(tuple(doc.cats) == labels for doc in scored):
        scores = np.array([[*doc.cats.values()] for doc in scored], dtype=np.float64)
        found = _Evaluated(is_same, examples, components, place, labels, scores)
        context_of(nlp).evaluated = found
    return _run(nlp, place, len(components), scored)


@contextlib.contextmanager
def forgetting_evaluated(nlp: Language) -> Iterator[None]:
    """Forget in the end what was evaluated meanwhile, as the pipeline is about to be updated."""
    try:
        yield
    finally:
        context_of(nlp).evaluated = None


#: Components that write nothing on docs but categories and tensors.
_CATEGORIZING: Final = (TextCategorizer, MultiLabel_TextCategorizer, Tok2Vec)


def only_categorizes(component: object) -> bool:
    """Say whether a component writes nothing on docs but categories and tensors."""
    return type(component) in _CATEGORIZING or isinstance(component, ClassifierPipe)
