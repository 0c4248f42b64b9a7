"""The language model of a saved pipeline that another one names."""

from pathlib import Path
from typing import Any

import spacy

from seqpipe.adapters._language_model_pipe import LanguageModelPipe, language_model_in
from seqpipe.errors import ConfigError, LanguageModelError
from seqpipe.parts.language_models import TrainedModel


def load_language_model(
    path: str, *, setting: str
) -> tuple[LanguageModelPipe, TrainedModel, dict[str, Any]]:
    """Return the component of a saved pipeline that holds a language model, the model, and the component's settings.

    Args:
        path: Where the pipeline is.
        setting: What names the path.

    Raises:
        ConfigError: There's no such pipeline, or it has no trained language model.
    """
    named = f"`{setting}` names {path}"
    if not Path(path).exists():
        message = f"{named}, which isn't there; looked for {Path(path).resolve()}"
        raise ConfigError(message, setting=setting)
    try:
        nlp = spacy.load(path)
        pipe = language_model_in(nlp)
    except LanguageModelError as error:
        raise ConfigError(f"{named}: {error}", setting=setting) from error
    except Exception as error:
        message = f"{named}, which can't be loaded as a pipeline: {error}"
        raise ConfigError(message, setting=setting) from error
    if pipe.trained is None:
        message = f"{named}, whose language model hasn't been trained: train it first"
        raise ConfigError(message, setting=setting)
    settings = dict(nlp.get_pipe_config(pipe.name))
    settings.pop("factory", None)
    return pipe, pipe.trained, settings
