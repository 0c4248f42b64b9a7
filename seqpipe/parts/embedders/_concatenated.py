"""Several embedders, concatenated."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError
from seqpipe.parts.embedders._contract import Embedder, FitProgress, OnProgress
from seqpipe.workers._spool import spool_sequences


@final
class Concatenated(Embedder):
    """The concatenated vectors of several embedders, in the order of their names' sections.

    In a pipeline file: sections ``[embedder.a]``, ``[embedder.b]`` and so on in place of ``[embedder]``.
    The known words are those that any of them knows, those of the first embedder first.

    Args:
        embedders: The embedders by name.

    Raises:
        ConfigError: There's none, one is something else, or a name can't be that of a folder.
    """

    def __init__(self, embedders: Mapping[str, Any]) -> None:
        if not embedders:
            raise ConfigError("there are no embedders to put side by side; give one at least")
        for name, embedder in embedders.items():
            _check(name, embedder)
        self.embedders: dict[str, Embedder] = dict(embedders)
        self._joined: tuple[list[Sequence[str]], tuple[str, ...]] = ([], ())

    # Evaluated late: one of them may read its width from a file, which a saved pipeline doesn't need.
    @property
    def width(self) -> int:  # type: ignore[override]
        """The sum of their widths."""
        return sum(embedder.width for embedder in self.embedders.values())

    @property
    def chosen(self) -> Mapping[str, Any]:  # type: ignore[override]
        """What settings of the embedders became, by "NAME.SETTING"; see `Embedder.chosen`."""
        return {
            f"{name}.{setting}": value
            for name, embedder in self.embedders.items()
            for setting, value in embedder.chosen.items()
        }

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that any of the embedders knows; see `Embedder.vocabulary`."""
        each = [embedder.vocabulary for embedder in self.embedders.values()]
        before, joined = self._joined
        # spaCy asks for it with every text, and it may have a million words.
        if len(before) != len(each) or any(a is not b for a, b in zip(before, each, strict=True)):
            joined = tuple(dict.fromkeys(word for words in each for word in words))
            self._joined = (each, joined)
        return joined

    def columns(self, name: str) -> slice:
        """Return where the vector of one embedder stands in the whole."""
        names = list(self.embedders)
        before = names[: names.index(name)]
        start = sum(self.embedders[other].width for other in before)
        return slice(start, start + self.embedders[name].width)

    def check_sources(self) -> None:
        """Check the sources of each; see `Embedder.check_sources`."""
        for embedder in self.embedders.values():
            embedder.check_sources()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit one embedder after another, each on all sequences; see `Embedder.fit`."""
        with contextlib.ExitStack() as stack:
            if isinstance(sequences, Iterator) and len(self.embedders) > 1:
                folder = tempfile.TemporaryDirectory(prefix="seqpipe-", ignore_cleanup_errors=True)
                file = Path(stack.enter_context(folder)) / "sequences"
                sequences = spool_sequences(sequences, file)
            for number, embedder in enumerate(self.embedders.values()):
                share = _share(on_progress, number, len(self.embedders))
                embedder.fit(sequences, seed=seed, on_progress=share)

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`; see `Embedder.embed`."""
        vectors = [embedder.embed(words) for embedder in self.embedders.values()]
        return np.concatenate(vectors, axis=1)

    def pruned(self, words: int, subwords: int | None = None) -> "Concatenated":
        """Prune each embedder; see `Embedder.pruned`."""
        return Concatenated({n: each.pruned(words, subwords) for n, each in self.embedders.items()})

    def to_disk(self, path: Path) -> None:
        """Write each embedder into a folder of its name; see `Embedder.to_disk`."""
        for name, embedder in self.embedders.items():
            folder = path / name
            folder.mkdir(exist_ok=True)
            embedder.to_disk(folder)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`."""
        for name, embedder in self.embedders.items():
            embedder.from_disk(path / name)


def _check(name: str, embedder: Any) -> None:
    if not name.isidentifier():
        raise ConfigError(f"an embedder is called {name!r}; use letters, digits and _")
    if not isinstance(embedder, Embedder):
        raise ConfigError(f"what's called {name!r} is no embedder but {embedder!r}")


def _share(on_progress: OnProgress | None, number: int, count: int) -> OnProgress | None:
    """Return the progress callback of one of `count` embedders."""
    if on_progress is None:
        return None

    def relay(fit: FitProgress) -> None:
        fraction = (number + fit.fraction) / count
        on_progress(FitProgress(fraction, fit.loss, fit.words_per_second))

    return relay
