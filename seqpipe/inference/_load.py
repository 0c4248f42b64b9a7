"""Loads a saved pipeline."""

from pathlib import Path
from typing import Final

import spacy
from spacy.language import Language
from spacy.util import is_package

from seqpipe.adapters import move_pipeline, remember_chunks
from seqpipe.devices import find_placement
from seqpipe.errors import SavedModelError, SeqpipeError

#: What a run calls its pipeline.
_BEST: Final = "model-best"


def load_pipeline(
    name: str, *, device: str | None = None, precision: str | None = None
) -> Language:
    """Load a saved pipeline: a folder, or an installed package.

    Args:
        name: The folder, or the package.
        device: Where its torch modules compute, and in which precision; see `seqpipe.devices.find_placement`.
        precision: Likewise.

    Raises:
        ConfigError: This machine doesn't have the device.
        SeqpipeError: There's no such pipeline, or it can't be loaded.
    """
    placement = find_placement(device, precision)
    if not Path(name).exists() and not is_package(name):
        raise SavedModelError(f"{name} is neither a folder nor an installed spaCy pipeline")
    if (Path(name) / _BEST).is_dir() and not (Path(name) / "meta.json").exists():
        raise SavedModelError(
            f"{name} is what a run wrote: name its pipeline, {Path(name) / _BEST}"
        )
    try:
        nlp: Language = spacy.load(name)
    except SeqpipeError:
        raise
    # spaCy raises all kinds of errors.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise SavedModelError(f"{name} can't be loaded as a pipeline: {reason}") from error
    remember_chunks(nlp.tokenizer)
    move_pipeline(nlp, placement)
    return nlp
