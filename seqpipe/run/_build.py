"""Builds and initialises the pipeline of a run, with errors that name their place in the file."""

import contextlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

from confection import Config
from spacy.language import Language
from spacy.training import Example
from spacy.util import get_sourced_components, is_package, load_model_from_config, registry
from thinc.api import ConfigValidationError

from seqpipe.adapters import OUT_OF_MEMORY, input_shims, torch_shims
from seqpipe.config import (
    PipelineFile,
    PipelineFileError,
    blocks_in,
    descend,
    from_confection,
    raised_in,
    refusal,
)
from seqpipe.devices import Placement, find_placement
from seqpipe.errors import (
    ClassifierError,
    ConfigError,
    DataError,
    EmbedderError,
    PluginError,
    SavedModelError,
)
from seqpipe.kinds import KINDS
from seqpipe.plugins import find_part, unwrap
from seqpipe.training import OWN_SETTINGS, Training

#: With streamed data, the first so many examples stand for all, as in spaCy.
_SAMPLE: Final = 100
#: Settings of [initialize] that are paths.
_INITIAL_FILES: Final = ("vocab_data", "vectors", "init_tok2vec")
#: The first of these calls the second before it does anything else.
_MAKING_INITIAL_BLOCKS: Final = (Language.initialize.__code__, registry.resolve.__func__.__code__)
#: What parts raise on purpose while they work.
_REFUSALS: Final = (ConfigError, DataError, EmbedderError, ClassifierError, SavedModelError)


def build(config: Config, file: PipelineFile) -> Language:
    """Build a pipeline, and try the settings of all its parts.

    Raises:
        ConfigError: The pipeline can't be built like that.
    """
    # Which spaCy would drop or refuse.
    section = config["training"]
    ours = {name: section[name] for name in OWN_SETTINGS if name in section}
    spacys = config.copy()
    spacys["training"] = {name: value for name, value in section.items() if name not in ours}
    with placed(file, config, "nlp", "components"):
        nlp: Language = load_model_from_config(spacys, auto_fill=True)
    nlp.config["training"].update(ours)
    for name, try_build in [(name, tried) for name, one in nlp.pipeline for tried in _trials(one)]:
        try:
            try_build()
        except Exception as error:
            raise _unbuilt(error, name, nlp.config, file) from error
    return nlp


def place(file: PipelineFile, asked: Mapping[str, str | None]) -> Placement:
    """Return where a file's pipeline is to compute.

    Args:
        file: The file, whose [pipeline] may say it.
        asked: What's asked for in the place of that: "device" and "precision", each None if it isn't.

    Raises:
        ConfigError: This machine doesn't have it.
    """
    section = file.sections.get("pipeline", {})
    wanted = {key: section.get(key) if value is None else value for key, value in asked.items()}
    try:
        return find_placement(**wanted)
    except ConfigError as error:
        if error.setting is None or asked[error.setting] is not None:
            raise
        raise refusal(error, file, [("pipeline",)]) from error


def _trials(component: object) -> list[Callable[[], None]]:
    """Return what raises an error if what a component is going to be made of can't be had."""
    return [
        *(shim.try_build for shim in torch_shims(component)),
        *(shim.try_build for shim in input_shims(component)),
    ]


def check_initial_files(nlp: Language, file: PipelineFile) -> None:
    """Check that the files of [initialize] are there, which spaCy reads only after `before_init`.

    All else of that section it makes before anything is fitted; see `placed_at_work`.

    Raises:
        ConfigError: One of them isn't.
    """
    section = nlp.config.interpolate()["initialize"]
    with placed(file, nlp.config, "initialize"):
        # A path may be a block, as one with a dollar is.
        paths = registry.resolve({key: section.get(key) for key in _INITIAL_FILES})
    for key, path in paths.items():
        if not isinstance(path, str) or (key == "vectors" and is_package(path)):
            continue
        if not Path(path).exists():
            message = f"{path} isn't there; looked for {Path(path).resolve()}"
            raise refusal(ConfigError(message, setting=key), file, [("initialize",)])


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

    Whatever is raised while spaCy makes the blocks of [initialize] is placed too.

    Args:
        file: What expands to the configuration.
        config: The configuration.
        locations: Where in it those parts stand, with dots.
    """
    try:
        yield
    except PipelineFileError:
        raise
    except Exception as error:
        if _was_making_initial_blocks(error):
            with placed(file, config, "initialize", "pretraining"):
                raise
        if not isinstance(error, _REFUSALS):
            raise
        tree, paths = config.interpolate(), [tuple(at.split(".")) for at in locations]
        inner = [(*blocks_in(descend(tree, path), path), (path, None)) for path in paths]
        raise refusal(error, file, [path for found in inner for path, _ in found]) from error


def _was_making_initial_blocks(error: Exception) -> bool:
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    return _MAKING_INITIAL_BLOCKS in pairwise(codes)


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
    """Return the block that an error comes from, or what may hold it, the innermost first.

    confection doesn't say which one it made. Where the traceback leaves several, they're made again by
    themselves, up to the one that fails like that.
    """
    blocks = [found for name in sections for found in blocks_in(config.get(name), (name,))]
    if isinstance(error, DataError):
        # Making a corpus reads it, which may take long: the message is enough.
        return [path for path, _ in blocks]
    makers = {path: _maker(block) for path, block in blocks}
    through = raised_in(error, list(makers.items()))
    # Several blocks may name the function that raised.
    likely = [path for path in makers if through and makers[path] is makers[through[0]]]
    if len(likely) == 1 or isinstance(error, OUT_OF_MEMORY):
        failing = likely
    else:
        again = (path for path, block in blocks if path in (likely or makers))
        tried = ((path, _failure(descend(config, path))) for path in again)
        alike = (path for path, found in tried if found == (type(error), str(error)))
        failing = list(islice(alike, 1))
    components = config.get("components", {}) if "components" in sections else {}
    return failing or [
        *(("components", name) for name in components),
        *((s,) for s in sections),
    ]


def _maker(block: Mapping[str, Any]) -> Any:
    """Return the function or the class that a block names; None if it can't be had."""
    at = next(key for key in block if key.startswith("@"))
    kind = at.removeprefix("@seqpipe_")
    with contextlib.suppress(Exception):
        if kind in KINDS:
            return unwrap(find_part(kind, block[at]).factory)[0]
        return unwrap(registry.get(at[1:], block[at]))[0]
    return None


def _failure(block: Mapping[str, Any]) -> tuple[type[Exception], str] | None:
    """Return the class and the text of what's raised when a block is made; None if nothing is."""
    try:
        registry.resolve({"block": dict(block)})
    except Exception as error:
        return type(error), str(error)
    return None
