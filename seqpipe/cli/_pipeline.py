"""Loads a saved pipeline."""

from pathlib import Path

import spacy
from spacy.language import Language
from spacy.util import is_package

from seqpipe.errors import SavedModelError, SeqpipeError


def load_pipeline(name: str) -> Language:
    """Load a saved pipeline: a folder, or an installed package.

    Raises:
        SeqpipeError: There's none, or it can't be loaded.
    """
    if not Path(name).exists() and not is_package(name):
        raise SavedModelError(f"{name} is neither a folder nor an installed spaCy pipeline")
    try:
        return spacy.load(name)
    except SeqpipeError:
        raise
    # spaCy raises all kinds of errors.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise SavedModelError(f"{name} can't be loaded as a pipeline: {reason}") from error
