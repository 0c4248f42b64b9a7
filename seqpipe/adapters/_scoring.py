"""Names the scorer of spaCy's that breaks its contract."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example

from seqpipe.adapters._contract import broken, raised
from seqpipe.errors import PluginError, SeqpipeError


@contextlib.contextmanager
def naming_scorer(nlp: Language, examples: Sequence[Example]) -> Iterator[None]:
    """Turn what goes wrong while examples are scored into an error that names the scorer.

    Raises:
        PluginError: A component's scorer raised an exception, or returned something else than a dictionary.
    """
    try:
        yield
    except SeqpipeError:
        raise
    except Exception as error:
        problem = _find_problem(nlp, examples)
        if problem is None:
            raise
        raise problem from error


def _find_problem(nlp: Language, examples: Sequence[Example]) -> PluginError | None:
    settings = Scorer(nlp=nlp).cfg
    for name, component in nlp.pipeline:
        scorer: Any = getattr(component, "scorer", None) or component
        if not hasattr(component, "score"):
            continue
        kind = f"scorer of {name!r},"
        try:
            scores = component.score(examples, **settings)
        except Exception as error:
            return raised(error, scorer, kind, f"scored {len(examples)} examples")
        if not isinstance(scores, dict):
            return broken(scorer, kind, scores, "a dictionary from names to scores")
    return None
