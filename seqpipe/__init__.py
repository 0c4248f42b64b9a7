"""Plugin-based NLP pipelines with a config language, run by spaCy.

Importing this package loads nothing heavy: torch and spaCy come in with the modules that use them.
"""

# Type checkers take it for true; the one of `typing` would have to be imported.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from seqpipe.inference import Predictor as Predictor

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__"]


def __getattr__(name: str) -> object:
    """Import what's offered here when it's first used."""
    if name != "Predictor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from seqpipe.inference import Predictor

    return Predictor
