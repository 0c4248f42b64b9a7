"""Builds and initialises the pipeline of a run, with errors that name their place in the file."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from confection import Config
from spacy.language import Language
from spacy.schemas import ConfigSchemaInit
from spacy.training import Example
from spacy.util import get_sourced_components, is_package, load_model_from_config, registry
from thinc.api import ConfigValidationError

from seqpipe.adapters import torch_shims
from seqpipe.config import (
    PipelineFile,
    PipelineFileError,
    blocks_in,
    from_confection,
    raised_in,
    refusal,
)
from seqpipe.errors import (
    ClassifierError,
    ConfigError,
    DataError,
    EmbedderError,
    PluginError,
    SavedModelError,
)
from seqpipe.hookspecs import KINDS
from seqpipe.plugins import find_part
from seqpipe.training import Training

#: With streamed data, the first so many examples stand for all, as in spaCy.
_SAMPLE: Final = 100
#: What parts raise on purpose while they work.
_REFUSALS: Final = (ConfigError, DataError, EmbedderError, ClassifierError, SavedModelError)


def build(config: Config, file: PipelineFile) -> Language:
    """Build a pipeline, and try the settings of all its parts.

    Raises:
        ConfigError: The pipeline can't be built like that.
    """
    with placed(file, config, "nlp", "components"):
        nlp: Language = load_model_from_config(config, auto_fill=True)
    built = [(name, shim) for name, component in nlp.pipeline for shim in torch_shims(component)]
    for name, shim in built:
        try:
            shim.try_build()
        except Exception as error:
            raise _unbuilt(error, name, nlp.config, file) from error
    return nlp


def try_initialisation(nlp: Language, file: PipelineFile) -> None:
    """Make what [initialize] names, as spaCy will only once training starts, and drop it.

    Raises:
        ConfigError: A part of it can't be made.
    """
    section = nlp.config.interpolate()["initialize"]
    with placed(file, nlp.config, "initialize"):
        registry.resolve(section, schema=ConfigSchemaInit)
        for key in ("vocab_data", "vectors", "init_tok2vec"):
            path = section.get(key)
            if path and not Path(path).exists() and not (key == "vectors" and is_package(path)):
                raise ConfigError(
                    f"{path} isn't there; looked for {Path(path).resolve()}", setting=key
                )


@contextlib.contextmanager
def placed(file: PipelineFile, config: Config, *sections: str) -> Iterator[None]:
    """Turn what's raised while blocks of a configuration are made into errors with places in a file.

    Args:
        file: What expands to the configuration.
        config: The configuration.
        sections: Those of its sections that are made.
    """
    try:
        yield
    except (PipelineFileError, PluginError):
        raise
    except ConfigValidationError as error:
        raise from_confection(error, file, sections) from error
    except Exception as error:
        raise refusal(error, file, _culprits(error, config.interpolate(), sections)) from error


@contextlib.contextmanager
def placed_at_work(file: PipelineFile, config: Config, *locations: str) -> Iterator[None]:
    """Turn what parts refuse while they work (read, fit, train) into errors with places in a file.

    Args:
        file: What expands to the configuration.
        config: The configuration.
        locations: Where in it those parts stand, with dots.
    """
    try:
        yield
    except PipelineFileError:
        raise
    except _REFUSALS as error:
        found = [path for at in locations for path in _paths_below(config.interpolate(), at)]
        raise refusal(error, file, found) from error


def initialise(nlp: Language, training: Training) -> None:
    """Initialise all components but those that are frozen or come trained from another pipeline.

    What spaCy's `init_nlp` does too.
    """
    sourced = get_sourced_components(nlp.config.interpolate())
    resumed = [name for name in sourced if name not in training.frozen]
    if resumed:
        with nlp.select_pipes(enable=resumed):
            nlp.resume_training(sgd=training.optimizer)
    nlp._link_components()

    def examples() -> Iterable[Example]:
        all_of_them = training.train(nlp)
        return islice(all_of_them, _SAMPLE) if training.max_epochs < 0 else all_of_them

    with nlp.select_pipes(disable=[*training.frozen, *resumed]):
        nlp.initialize(examples, sgd=training.optimizer)


def _unbuilt(
    error: Exception, component: str, config: Config, file: PipelineFile
) -> PipelineFileError:
    """Return the error for a module of a component that can't be built."""
    below = ("components", component)
    blocks = list(blocks_in(config.interpolate()["components"][component], below))
    makers = []
    for path, block in blocks:
        for kind in KINDS:
            if name := block.get(f"@seqpipe_{kind}"):
                makers.append((path, find_part(kind, name).factory))
    paths = [path for path, _ in blocks]
    # Blocks around those that it came through are what gave them their sizes.
    through = [*raised_in(error, makers), *(path for path, _ in makers)]
    return refusal(error, file, [*through, *paths])


def _culprits(
    error: Exception, config: Mapping[str, Any], sections: Iterable[str]
) -> list[tuple[str, ...]]:
    """Return the blocks that fail like that when they're made by themselves, the innermost first.

    confection says nothing of which function raised, so that they're called again one by one.
    """
    blocks = [found for name in sections for found in blocks_in(config.get(name), (name,))]
    if isinstance(error, DataError):
        # Making a corpus reads it, which may take long: the message is enough.
        return [path for path, _ in blocks]
    failing = []
    for path, block in blocks:
        try:
            registry.resolve({"block": dict(block)})
        except Exception as again:
            if (type(again), str(again)) == (type(error), str(error)):
                failing.append(path)
    components = config.get("components", {}) if "components" in sections else {}
    return failing[:1] or [
        *(("components", name) for name in components),
        *((s,) for s in sections),
    ]


def _paths_below(config: Mapping[str, Any], location: str) -> list[tuple[str, ...]]:
    path = tuple(location.split("."))
    node: Any = config
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return [*(found for found, _ in blocks_in(node, path)), path]
