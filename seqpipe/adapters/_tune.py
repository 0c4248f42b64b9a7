"""Tunes components on texts that nothing was fitted on, before a model is saved."""

from collections.abc import Callable, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters._contract import read_examples
from seqpipe.adapters._decision_pipe import DecisionPipe
from seqpipe.adapters._wide_pipe import WidePipe


def make_tune_mix(corpus: Callable[[Language], Any]) -> Callable[[Language], Language]:
    """Make a callback that tunes a pipeline's "seqpipe_wide" and "seqpipe_decision"; registered as "seqpipe.TuneMix.v1".

    It belongs in [training.before_to_disk], so that each model is saved with weights and thresholds of its own.

    Args:
        corpus: Reads texts that nothing was fitted on, such as those of the dev part.
    """

    def tune(nlp: Language) -> Language:
        pipeline = list(nlp.pipeline)
        for place, (_, pipe) in enumerate(pipeline):
            if not isinstance(pipe, (WidePipe, DecisionPipe)):
                continue
            examples = list(read_examples(corpus, nlp))
            with nlp.select_pipes(disable=[name for name, _ in pipeline[place:]]):
                docs = list(nlp.pipe([example.predicted for example in examples]))
            pipe.tune(docs, [example.reference for example in examples])
            if isinstance(pipe, WidePipe):
                _set_performance(nlp, pipe, examples, docs)
        return nlp

    return tune


def _set_performance(
    nlp: Language, pipe: WidePipe, examples: Sequence[Example], docs: Sequence[Doc]
) -> None:
    """Replace the scores in the pipeline's description, which are of the mix before it was tuned."""
    performance = nlp.meta.get("performance", {})
    for example, doc in zip(examples, pipe.pipe(docs), strict=True):
        example.predicted = doc
    scores = pipe.score(examples)
    performance.update({name: scores[name] for name in performance if name in scores})
