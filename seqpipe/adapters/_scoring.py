"""Names the scorer of spaCy's that breaks its contract."""

import contextlib
import traceback
from collections.abc import Iterator

from spacy.scorer import Scorer

from seqpipe.adapters._contract import OUT_OF_MEMORY, broken, raised
from seqpipe.errors import PluginError, SeqpipeError


@contextlib.contextmanager
def naming_scorer() -> Iterator[None]:
    """Turn what goes wrong while spaCy scores components into an error that names the scorer.

    What else is raised meanwhile, as by a component that annotates, stays as it is.

    Raises:
        PluginError: A component's scorer raised an exception, or returned something else than a dictionary.
    """
    try:
        yield
    except (SeqpipeError, *OUT_OF_MEMORY):
        raise
    except Exception as error:
        problem = _find_problem(error)
        if problem is None:
            raise
        raise problem from error


def _find_problem(error: Exception) -> PluginError | None:
    """Return the error for the component that was scored, by the traceback; None if none was."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    scoring = [frame for frame in frames if frame.f_code is Scorer.score.__code__]
    found = scoring[0].f_locals if scoring else {}
    if not {"name", "component", "examples", "self"} <= set(found):
        return None
    component, examples = found["component"], found["examples"]
    scorer = getattr(component, "scorer", None) or component
    kind = f"scorer of {found['name']!r},"
    if scoring[0] is frames[-1]:
        # spaCy can't take what it returned, which only another call shows.
        scores = component.score(examples, **found["self"].cfg)
        return broken(scorer, kind, scores, "a dictionary from names to scores")
    return raised(error, scorer, kind, f"scored {len(examples)} examples")
