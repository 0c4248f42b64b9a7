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
from seqpipe.shrinking._write import META, embedder_of, write_shrunk

#: What's tried with all words, the gentlest first.
_SMALLEST: Final = Settings("int8", quantize=True)
_ALL_WORDS: Final = (Settings("float16"), Settings("int8"), _SMALLEST)
#: The manifest says so many bytes of each file, and of itself.
_ENTRY: Final = 200
#: What's left of the words at least where a size is asked for.
_LEAST_SHARE: Final = 0.01
#: So many numbers of words are tried, until a size is as near as that to the one asked for.
_TRIES: Final = 6
_NEAR: Final = 0.95
#: What's left of an estimate, so that it's rather too low.
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
        EmbedderError: Words can't be left out.
    """
    before = _check(nlp, output)

    def write(folder: Path) -> None:
        write_shrunk(nlp, folder, settings)
        if _size(folder) >= sum(before.values()):
            raise SavedModelError(
                f"there's nothing to shrink: by {settings} the model of {told_size(sum(before.values()))} wouldn't get smaller"
            )

    storage.write_folder(output, write)
    return Shrunk(settings, before, sizes_of(output))


def shrink_to_size(
    nlp: Language, output: Path, size: int, *, on_try: OnTry | None = None
) -> Shrunk:
    """Write a smaller model of a pipeline by the gentlest settings whose model has a given size at most.

    They're tried from float16 and int8 to quantised tables, and at last with fewer and fewer words.

    Args:
        nlp: As it was loaded; it stays as it is.
        output: The new model's folder. It's there whole, or not at all.
        size: In bytes.
        on_try: Called with each settings that are tried.

    Raises:
        SavedModelError: As `shrink` has it; or the model can't be made that small.
    """
    before = _check(nlp, output)
    if size >= (total := sum(before.values())):
        raise SavedModelError(
            f"there's nothing to shrink: the model has {told_size(total)}, and may have {told_size(size)}"
        )
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
    return Shrunk(chosen[0], before, sizes_of(output))


def _find_gentlest(nlp: Language, size: int, attempt: Callable[[Settings], int]) -> Settings:
    """Return the gentlest settings whose model has a size at most; `attempt` writes a model and returns its size."""
    whole = size
    for settings in _ALL_WORDS:
        whole = attempt(settings)
        if whole <= size:
            return settings
    embedder = embedder_of(nlp)
    words = 0 if embedder is None else len(embedder.vocabulary)
    least = max(1, int(words * _LEAST_SHARE))
    smallest = attempt(replace(_SMALLEST, vocabulary=least)) if words > least else whole
    if smallest > size:
        raise SavedModelError(
            f"the model can't be made as small as {told_size(size)}: the least that was reached is {told_size(smallest)}"
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


def _check(nlp: Language, output: Path) -> dict[str, int]:
    """Return the sizes of a pipeline's files.

    Raises:
        SavedModelError: It can't be shrunk, or not to there.
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
    return sizes_of(Path(source))


def sizes_of(folder: Path) -> dict[str, int]:
    """Return the size of each file of a model in bytes, by its path, without hidden ones."""
    files = {file.relative_to(folder): file for file in sorted(folder.rglob("*"))}
    return {
        name.as_posix(): file.stat().st_size
        for name, file in files.items()
        if file.is_file() and not any(part.startswith(".") for part in name.parts)
    }


def _size(folder: Path) -> int:
    """Return the size of a model in bytes once it has its manifest."""
    sizes = sizes_of(folder)
    return sum(sizes.values()) + _ENTRY * (len(sizes) + 1)


def _empty(folder: Path) -> None:
    for entry in list(folder.iterdir()):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def told_size(size: int) -> str:
    """Return a number of bytes in words: "5.20 MB"."""
    return f"{size / 1e6:,.2f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
