"""Makes a smaller model of a saved pipeline: by settings, or by the size that it should have."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from spacy.language import Language

from seqpipe import storage
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.messages import as_json, show
from seqpipe.shrinking._settings import Settings
from seqpipe.shrinking._write import META, check_embedder, embedder_of, write_shrunk

#: What's tried with all words, the gentlest first.
_SMALLEST: Final = Settings("int8", quantize=True)
_ALL_WORDS: Final = (Settings("float16"), Settings("int8"), _SMALLEST)
#: The fewest words that are kept where a size is asked for.
_LEAST_SHARE: Final = 0.01
#: So many numbers of words are tried, until a size is as near as that to the one asked for.
_TRIES: Final = 6
_NEAR: Final = 0.95
#: The share of an estimate that's relied on, so that it errs on the low side.
_MARGIN: Final = 0.98

#: Called with what's being tried, before it is.
OnTry = Callable[[Settings], None]


@dataclass(frozen=True)
class Shrunk:
    """A model that was made smaller.

    Attributes:
        settings: How.
        before: The size of each file of the original, in bytes, by its path in the folder.
        after: The same of the new model.
    """

    settings: Settings
    before: Mapping[str, int]
    after: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the sizes and settings as JSON has them."""
        return {
            "settings": self.settings.to_json(),
            "bytes": {"before": sum(self.before.values()), "after": sum(self.after.values())},
            "files": {"before": dict(self.before), "after": dict(self.after)},
        }


def shrink(nlp: Language, output: Path, settings: Settings) -> Shrunk:
    """Write a smaller model of a pipeline, which loads as any other.

    What's stored in fewer bytes is float32 again once it's loaded: speed and memory are those of the original, but for words
    that were left out.

    Args:
        nlp: As it was loaded; it stays as it is.
        output: The new model's folder. It's there whole, or not at all.
        settings: How.

    Raises:
        SavedModelError: The pipeline was shrunk before, wouldn't get smaller, or can't be written there.
        ConfigError: The new model would be in the place of the old one.
        EmbedderError: Words can't be left out, or there's no embedder whose tables could be quantised.
    """
    before = check_shrinkable(nlp, output, settings)

    def write(folder: Path) -> None:
        write_shrunk(nlp, folder, settings)
        if _size(folder) >= sum(before.values()):
            raise SavedModelError(
                f"there's nothing to shrink: by {settings} the model of {format_size(sum(before.values()))} wouldn't get smaller"
            )

    storage.write_folder(output, write)
    return Shrunk(settings, before, storage.sizes_of(output))


def shrink_to_size(
    nlp: Language, output: Path, size: int, *, on_try: OnTry | None = None
) -> Shrunk:
    """Write a smaller model of a pipeline by the gentlest settings whose model has a given size at most.

    They're tried from float16 and int8 to quantised tables, and at last with fewer and fewer words.

    Args:
        nlp: As it was loaded; it stays as it is.
        output: The new model's folder. It's there whole, or not at all.
        size: In bytes.
        on_try: Called with the settings of each attempt, before it's made.

    Raises:
        SavedModelError: As `shrink` has it; or the model can't be made that small.
    """
    before = check_shrinkable(nlp, output, size)
    chosen: list[Settings] = []

    def write(folder: Path) -> None:
        def attempt(settings: Settings) -> int:
            if on_try is not None:
                on_try(settings)
            _empty(folder)
            write_shrunk(nlp, folder, settings)
            return _size(folder)

        chosen.append(_find_gentlest(nlp, size, attempt))

    storage.write_folder(output, write)
    return Shrunk(chosen[0], before, storage.sizes_of(output))


def _find_gentlest(nlp: Language, size: int, attempt: Callable[[Settings], int]) -> Settings:
    """Return the gentlest settings whose model has a size at most; `attempt` writes a model and returns its size."""
    whole = size
    embedder = embedder_of(nlp)
    for settings in _ALL_WORDS:
        if embedder is None and settings.quantize:
            continue
        whole = attempt(settings)
        if whole <= size:
            return settings
    words = 0 if embedder is None else len(embedder.vocabulary)
    least = max(1, int(words * _LEAST_SHARE))
    smallest = attempt(replace(_SMALLEST, vocabulary=least)) if words > least else whole
    if smallest > size:
        raise SavedModelError(
            f"the model can't be made as small as {format_size(size)}: the least that was reached is {format_size(smallest)}"
        )
    return _cut_words(size, (least, smallest), (words, whole), attempt)


def _cut_words(
    size: int, low: tuple[int, int], high: tuple[int, int], attempt: Callable[[Settings], int]
) -> Settings:
    """Return settings with nearly as many words as there's room for.

    Args:
        size: In bytes.
        low: A number of words and the size of their model, which there's room for.
        high: The same of too many words.
        attempt: Writes a model and returns its size.
    """
    last = low[0]
    for _ in range(_TRIES):
        if low[1] >= _NEAR * size or high[0] - low[0] <= 1:
            break
        # The size grows with the words, nearly in proportion.
        share = _MARGIN * (size - low[1]) / (high[1] - low[1])
        last = max(low[0] + 1, int(low[0] + share * (high[0] - low[0])))
        found = attempt(replace(_SMALLEST, vocabulary=last))
        low, high = ((last, found), high) if found <= size else (low, (last, found))
    settings = replace(_SMALLEST, vocabulary=low[0])
    if last != low[0]:
        attempt(settings)
    return settings


def check_shrinkable(nlp: Language, output: Path, how: Settings | int) -> dict[str, int]:
    """Return the sizes of a pipeline's files in bytes, if it can be shrunk.

    Args:
        nlp: As it was loaded.
        output: The new model's folder.
        how: The settings, or how many bytes the new model may have.

    Raises:
        SavedModelError: It was shrunk before, has no folder, is small enough, or what's at `output` can't be replaced.
        ConfigError: The new model would be in the place of the old one.
        EmbedderError: It has no embedder, of which the settings ask something.
    """
    source = nlp.path
    if source is None or not Path(source).is_dir():
        raise SavedModelError("the pipeline has no folder: save it, and load it from there")
    if META in nlp.meta:
        raise SavedModelError(
            f"{show(str(source))} was shrunk before, by {as_json(nlp.meta[META])}: shrink the model that it was made of"
        )
    old, new = Path(source).resolve(), output.resolve()
    if old == new or old in new.parents or new in old.parents:
        raise ConfigError(
            f"the new model can't be in the place of the old one: {show(str(output))}"
        )
    storage.check_replaceable(output)
    sizes = storage.sizes_of(Path(source))
    if isinstance(how, Settings):
        check_embedder(nlp, how)
    elif how >= (total := sum(sizes.values())):
        raise SavedModelError(
            f"there's nothing to shrink: the model has {format_size(total)}, and may have {format_size(how)}"
        )
    return sizes


def _size(folder: Path) -> int:
    """Return the size of a model in bytes once it has its manifest."""
    return sum(storage.sizes_of(folder).values()) + storage.manifest_size(folder)


def _empty(folder: Path) -> None:
    for entry in list(folder.iterdir()):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def format_size(size: int) -> str:
    """Return a number of bytes in words: "5.20 MB"."""
    return f"{size / 1e6:,.2f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
