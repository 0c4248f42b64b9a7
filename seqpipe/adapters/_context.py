"""What the blocks of one pipeline share while it's made and fitted.

spaCy makes blocks one by one and hands them nothing but the pipeline; so what they share belongs to that.
"""

from dataclasses import dataclass, field
from typing import Any

from spacy.language import Language

from seqpipe.parts.embedders import OnProgress

_ATTRIBUTE = "_seqpipe_context"


@dataclass
class Watched:
    """What's seen of a fitting.

    Attributes:
        on_progress: Receives how far it is.
        sequences: How many sequences were read, the last time that all were.
        words: How many words they held.
        fingerprint: Their SHA-256: other sequences, or another order, have another.
    """

    on_progress: OnProgress
    sequences: int = 0
    words: int = 0
    fingerprint: str = ""


@dataclass(eq=False)
class Context:
    """What the blocks of a pipeline share.

    Attributes:
        data_sets: What was read, by what it was read with: the corpora of a pipeline read a file once.
        watched: What watches the fitting of embedders and classifiers, if anything does.
        evaluated: What the pipeline has just predicted of texts; None as soon as it's updated. See `predict_evaluated`.
    """

    data_sets: dict[Any, Any] = field(default_factory=dict)
    watched: Watched | None = None
    evaluated: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        # spaCy pickles a pipeline for the processes of `nlp.pipe`, which read no data.
        return Context, ()


def context_of(nlp: Language) -> Context:
    """Return what the blocks of a pipeline share; made when it's first asked for."""
    found: Context = vars(nlp).setdefault(_ATTRIBUTE, Context())
    return found
