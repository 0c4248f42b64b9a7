"""spaCy's scores of a pipeline, each component's by the examples that say what it learns."""

from collections.abc import Iterable, Sequence
from typing import Any

from spacy.language import Language
from spacy.pipeline.textcat import TextCategorizer
from spacy.scorer import Scorer
from spacy.training import Example

from seqpipe.adapters._wide_pipe import WidePipe


class PipelineScorer(Scorer):  # type: ignore[misc]
    """Gives the scores of a pipeline's components, and of its tokenizer if they're wanted.

    To spaCy a text without categories is one whose predicted class is wrong. Where other components learn from such texts,
    they aren't shown to text categorizers.

    Args:
        nlp: The pipeline.
        tokens: Whether tokens are compared: that takes a third of an evaluation.
    """

    def __init__(self, nlp: Language, *, tokens: bool = True) -> None:
        super().__init__(nlp=nlp)
        self._tokens = tokens

    def score(self, examples: Iterable[Example], *, per_component: bool = False) -> dict[str, Any]:
        """Return all scores, as `Scorer.score` does."""
        examples = list(examples)
        scores: dict[str, Any] = {}
        if self._tokens and hasattr(self.nlp.tokenizer, "score"):
            scores.update(self.nlp.tokenizer.score(examples, **self.cfg))
        for _, component in self.nlp.pipeline:
            # What it mixes has been scored with the component before it.
            is_scored = isinstance(component, WidePipe) and "cats_score" in scores
            if hasattr(component, "score") and not is_scored:
                scored = _labelled(examples) if isinstance(component, _CATEGORIZING) else examples
                scores.update(component.score(scored, **self.cfg))
        return scores


_CATEGORIZING = (TextCategorizer, WidePipe)


def _labelled(examples: Sequence[Example]) -> Sequence[Example]:
    """Return the examples that have categories; all, if none has."""
    return [example for example in examples if example.reference.cats] or examples
