"""Embedders that seqpipe's own trainer fits: without sub-words, and with them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from seqpipe.devices import check_names, find_placement
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.parts.embedders._contract import Embedder, OnProgress
from seqpipe.parts.embedders.fasttext._embedders import TrainedEmbedder
from seqpipe.parts.embedders.fasttext._settings import Architecture, Auto, Loss, Settings
from seqpipe.parts.phrases import Phrase, PhraseRule, Phrases, read_phrases, write_phrases

if TYPE_CHECKING:
    from seqpipe.parts.cooccurrence import Engine, EpochLoss


#: What a step of the kernel has room for, beside the word itself and two more for pairs that share them.
MOST_NEGATIVES: Final = 61
#: The most of what has no other bound.
_MOST: Final = 1_000_000
#: A phrase of so many passes may have 256 words.
_MOST_PASSES: Final = 8
_PHRASES: Final = "phrases.json"


@dataclass(frozen=True)
class Options:
    """What only this trainer can do; see `Word2Vec2` for what each means."""

    position_weights: bool = False
    held_out: float = 0.0
    patience: int | None = None
    start: Embedder | None = None
    freeze: bool = False
    checkpoint: str | None = None
    phrases: PhraseRule = field(default_factory=PhraseRule)

    def check(self, settings: Settings) -> None:
        """Refuse what doesn't fit the other settings.

        Raises:
            ConfigError: A value can't be used.
        """
        _check_phrases(self.phrases)
        if self.position_weights and settings.architecture != "cbow":
            raise _refusal("position_weights", True, 'needs the architecture "cbow"')
        if not 0 <= self.held_out < 0.5:
            raise _refusal("held_out", self.held_out, "must be at least 0 and less than 0.5")
        if self.patience is not None and self.patience < 1:
            raise _refusal("patience", self.patience, "must be at least 1")
        if self.patience is not None and not self.held_out:
            raise _refusal(
                "patience", self.patience, "needs a share of `held_out` sequences, such as 0.01"
            )
        if self.checkpoint == "":
            raise _refusal("checkpoint", "", "must name a folder")
        if self.freeze and self.start is None:
            raise _refusal("freeze", True, "needs an embedder to `start` from")
        if self.freeze and settings.standardize:
            raise _refusal(
                "freeze", True, "can't be combined with `standardize`, which moves vectors"
            )
        if self.start is not None and self.start.width != settings.width:
            raise _refusal(
                "start",
                f"an embedder of the width {self.start.width}",
                f"must have the `width` {settings.width}",
            )


class _Settings(Settings):
    """Those of the library, by rules of our own for what's "auto": docs/training-vectors.md has what they were chosen by."""

    def auto(self, words: int) -> Mapping[str, Any]:
        """Return the settings for a corpus of so many words that aren't given; see `Word2Vec2`."""
        return {
            **super().auto(words),
            "epochs": min(20, max(5, round(10_000_000 / max(1, words)))),
            # A small text may have few words, all of them frequent, and nearly nothing would be left.
            "subsample": 1.0 if words < 200_000 else 1e-3 if words < 10_000_000 else 1e-4,
        }


class CooccurrenceEmbedder(TrainedEmbedder):
    """Trains by seqpipe's own trainer.

    Args:
        settings: Those that the library's trainer has as well.
        options: Those that it hasn't.
        threads: How many threads train; None for all there are.
        device: Where it trains; None for the CPU.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    #: How well pairs were predicted in each epoch of the last fit; empty before.
    losses: Sequence["EpochLoss"] = ()

    def __init__(
        self,
        settings: Settings,
        options: Options,
        threads: int | None,
        device: str | None = None,
    ) -> None:
        super().__init__(settings.width)
        options.check(settings)
        # Whether the machine has it only matters to a training.
        check_names(device)
        self._device = device
        if settings.loss == "negative-sampling" and settings.negatives > MOST_NEGATIVES:
            raise _refusal("negatives", settings.negatives, f"may be at most {MOST_NEGATIVES}")
        for name, value in (("window", settings.window), ("epochs", settings.epochs)):
            if value != "auto" and int(value) > _MOST:
                raise _refusal(name, value, f"may be at most {_MOST:,}")
        self._settings, self._options, self._threads = settings, options, threads
        self._phrases = Phrases()

    @property
    def phrases(self) -> Sequence[Phrase]:
        """The phrases that the last fit found, pass after pass, best first; `name` is the word in the vocabulary."""
        return self._phrases.found

    def join_phrases(self, words: Sequence[str]) -> list[str]:
        """Return the words of a text, in order, with its phrases put together as in the fit.

        With `lower` all come back lower-cased.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        vectors = self._fitted()
        if vectors.shape.lower:
            words = [word.lower() for word in words]
        return self._phrases.join(words, vectors)

    def check_sources(self) -> None:
        """Check the device, what the embedder starts from, and the folder of the checkpoint; see `Embedder.check_sources`.

        Raises:
            ConfigError: The machine has no such device.
        """
        find_placement(self._device)
        if self._options.start is not None:
            self._options.start.check_sources()
        if self._options.checkpoint is not None:
            # It takes a while to import, as `fit` does.
            from seqpipe.parts.cooccurrence import checkpoints_in

            with checkpoints_in(Path(self._options.checkpoint)):
                pass

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on sequences of words; see `Embedder.fit`. The vectors are the same for any number of threads.

        Raises:
            ConfigError: The machine has no such device.
        """
        engine = _engine_on(self._device)
        # It takes a second to import, and those who only read vectors can do without.
        from seqpipe.parts.embedders._cooccurrence_fit import fit_cooccurrence

        self._vectors, self.chosen, self.losses, self._phrases = fit_cooccurrence(
            self._settings,
            self._options,
            sequences,
            seed=seed,
            threads=self._threads,
            engine=engine,
            on_progress=on_progress,
        )

    def to_disk(self, path: Path) -> None:
        """Write the vectors, and phrases if there are any; see `Embedder.to_disk`."""
        super().to_disk(path)
        file = path / _PHRASES
        if self._phrases.found:
            write_phrases(file, self._phrases)
            return
        try:
            # The folder may be that of an earlier fit.
            file.unlink(missing_ok=True)
        except OSError as error:
            raise SavedModelError(f"{file} can't be removed: {error}") from error

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`."""
        super().from_disk(path)
        file = path / _PHRASES
        self._phrases = read_phrases(file) if file.exists() else Phrases()


def _engine_on(device: str | None) -> "Engine | None":
    """Return what trains on a device; None for the CPU, which does without torch.

    Raises:
        ConfigError: The machine has no such device.
    """
    # torch takes a while to import.
    found = None if device == "cpu" else find_placement(device).device
    if found is None or found == "cpu":
        return None
    from seqpipe.kernels.cooccurrence import RoundsInTorch
    from seqpipe.parts.cooccurrence import Engine

    return Engine(lambda model, _: RoundsInTorch(model, found))


def _check_phrases(rule: PhraseRule) -> None:
    if not 0 <= rule.passes <= _MOST_PASSES:
        raise _refusal("phrases", rule.passes, f"must lie between 0, for none, and {_MOST_PASSES}")
    if not 0 < rule.threshold < math.inf:
        raise _refusal("phrase_threshold", rule.threshold, "must be more than 0")
    if not 0 <= rule.discount <= _MOST:
        raise _refusal("phrase_discount", rule.discount, f"must lie between 0 and {_MOST:,}")
    connector = rule.connector
    is_word = connector.isprintable() and not any(map(str.isspace, connector))
    if not connector or not is_word or connector != connector.lower():
        raise _refusal(
            "phrase_connector",
            connector,
            "must have characters, and none that's white space, upper case, or can't be printed",
        )


def _refusal(name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"the embedder's `{name}` is {value!r}; it {rule}", setting=name)


@final
class Word2Vec2(CooccurrenceEmbedder):
    """Word vectors by skip-gram or CBOW with negative sampling (Mikolov et al. 2013), by seqpipe's own trainer.

    For words, or for items and nodes, whose names may hold white space. An unknown word has the zero vector. `FastText2`
    says more about the settings and the training.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from the mean of those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are trained on. "auto": 10 million over the number of words, from 5 to 20.
        window: The most words to either side that are a word's context.
        negatives: How many random words each prediction is contrasted with, by negative sampling; 61 at most.
        min_count: How often a word must occur to be trained and known. "auto": 1 for fewer than 200,000 words, 2 for
            fewer than 10 million, else 5.
        learning_rate: At the beginning; it falls to 0. There's a warning if it was too high.
        subsample: Words whose share of all words is above this are skipped at random; 1 skips none. "auto": 1 for
            fewer than 200,000 words, 1e-3 for fewer than 10 million, else 1e-4.
        position_weights: Whether CBOW's mean weights words by their positions, with weights that are trained (Mikolov
            et al. 2018).
        held_out: The share of the sequences that the loss is measured on after each epoch, and that aren't trained on.
            With some, the vectors of the epoch with the lowest loss are kept.
        patience: After how many epochs without a lower loss the training ends; None for never.
        start: An embedder of the same width, whose words begin with its vectors, and stay known. What predicts contexts begins
            anew.
        freeze: Whether these keep them.
        phrases: How many times words that follow each other far more often than by chance are put together to phrases, which
            then are words with vectors of their own (Mikolov et al. 2013): "new_york", after the second pass
            "new_york_city". 0 means none. `FastText2` says what becomes of their words.
        phrase_threshold: What the score of a pair must be above: (count(ab) - discount) / (count(a) · count(b)) · N, for N
            words.
        phrase_discount: The discount, which keeps rare pairs from passing by chance.
        phrase_connector: What stands between the words of a phrase.
        threads: How many threads train; None for all there are. Vectors are the same for any number. There's work for 4 with
            a million words, for 2 with half a million, and for one with fewer.
        lower: Whether words are lower-cased, in fitting and later.
        standardize: Whether each dimension is moved and scaled so that it has a mean of 0 and a variance of
            1 over the known words of the sequences, as networks like their input.
        checkpoint: A folder in which it's saved every minute how far the training has come. After a kill the next training
            of the same sequences, settings and seed goes on from there, to the same bytes. None for no such folder.
        device: Where it trains: "cpu", "cuda", "cuda:1", "mps", or "auto" for the first GPU of CUDA if there is one. None for
            the CPU. `FastText2` says what a GPU does differently.

    Raises:
        ConfigError: A setting has a value that can't be used; in fitting, the machine has no such device.
    """

    kind = "Word2Vec"

    def __init__(
        self,
        *,
        width: int = 100,
        architecture: Architecture = "skipgram",
        loss: Loss = "negative-sampling",
        epochs: int | Auto = "auto",
        window: int = 5,
        negatives: int = 5,
        min_count: int | Auto = "auto",
        learning_rate: float = 0.05,
        subsample: float | Auto = "auto",
        position_weights: bool = False,
        held_out: float = 0.0,
        patience: int | None = None,
        start: Embedder | None = None,
        freeze: bool = False,
        phrases: int = 0,
        phrase_threshold: float = 100.0,
        phrase_discount: int = 5,
        phrase_connector: str = "_",
        threads: int | None = None,
        lower: bool = False,
        standardize: bool = False,
        checkpoint: str | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(
            _Settings(
                width=width,
                architecture=architecture,
                loss=loss,
                epochs=epochs,
                window=window,
                negatives=negatives,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=1 if threads is None else threads,
                lower=lower,
                standardize=standardize,
            ),
            Options(
                position_weights,
                held_out,
                patience,
                start,
                freeze,
                checkpoint,
                PhraseRule(phrases, phrase_threshold, phrase_discount, phrase_connector),
            ),
            threads,
            device,
        )


@final
class FastText2(CooccurrenceEmbedder):
    """Word vectors from a word's own vector and those of its n-grams (Bojanowski et al. 2017), by seqpipe's own trainer.

    A word's vector is the mean of them, not normalised. An unknown word has the mean of the vectors of
    those of its n-grams that known words have too, and the zero vector if there are none.

    The trainer is written in C and compiled on first use, and needs no library; without a compiler it's numpy that trains,
    correct and slow. The same sequences, settings and seed give the same vectors, to the bit, on the same kind of processor:
    for any number of threads, and whether sequences come from memory, a file or a stream. The words of a window share their
    negatives, which makes it several times as fast as drawing them for each pair (Ji et al. 2016), and of the same quality.

    Words that can't be encoded as UTF-8 are left out of the training, as is the empty word.

    Args:
        width: The width of a vector.
        architecture: Predict the words around a word from it, or a word from the mean of those around it.
        loss: Contrast each prediction with random words, or predict the word's place in a Huffman tree
            (Mikolov et al. 2013), which is better for rare words and costs more for large vocabularies.
        epochs: How often the sequences are trained on. "auto": 10 million over the number of words, from 5 to 20.
        window: The most words to either side that are a word's context. Long sequences are cut, and no window reaches across:
            after 200 to 500 words (CBOW 1,000), in a small corpus after 100 or more, and on another device after 100.
        negatives: How many random words each prediction is contrasted with, by negative sampling; 61 at most.
        min_count: How often a word must occur to be trained and known. "auto": 1 for fewer than 200,000 words, 2 for
            fewer than 10 million, else 5.
        min_n: The fewest characters of an n-gram, the marks of the word's ends included.
        max_n: The most. 0 means no n-grams.
        learning_rate: At the beginning; it falls to 0. There's a warning if it was too high.
        subsample: Frequent words are skipped at random, those whose share of all words is above this the
            more often the larger it is. In a small corpus every word is frequent: 1 skips none. "auto": 1 for
            fewer than 200,000 words, 1e-3 for fewer than 10 million, else 1e-4.
        position_weights: Whether CBOW's mean weights words by their positions, with weights that are trained (Mikolov
            et al. 2018).
        held_out: The share of the sequences that the loss is measured on after each epoch, and that aren't trained on.
            With some, the vectors of the epoch with the lowest loss are kept.
        patience: After how many epochs without a lower loss the training ends; None for never.
        phrases: How many times words that follow each other far more often than by chance are put together to phrases, which
            then are words with vectors of their own (Mikolov et al. 2013): "new_york", after the second pass
            "new_york_city". 0 means none.
            A word that's too rare outside of phrases to be trained has the mean of the vectors of those it's in, each as often as
            it occurs. `embed` looks up the words that it's given: `join_phrases` puts those of a text together before.
        phrase_threshold: What the score of a pair must be above: (count(ab) - discount) / (count(a) · count(b)) · N, for N
            words.
        phrase_discount: The discount, which keeps rare pairs from passing by chance.
        phrase_connector: What stands between the words of a phrase.
        threads: How many threads train; None for all there are. Vectors are the same for any number. There's work for 4 with
            a million words, for 2 with half a million, and for one with fewer.
        buckets: The size of the table of n-gram vectors, in which n-grams may share one. None means twice
            the number of distinct n-grams of the known words, 2,000,000 at most: at a load
            of 0.5 an n-gram shares with another in 4 cases of 10. Only rows that are used are kept.
        lower: Whether words are lower-cased, in fitting and later.
        standardize: Whether each dimension is moved and scaled so that it has a mean of 0 and a variance of
            1 over the known words of the sequences, as networks like their input.
        checkpoint: A folder in which it's saved every minute how far the training has come: of large tables less often, so
            that saving takes 5 % of the time, but every 10 minutes. After a kill the next training of the same sequences,
            settings and seed goes on from there, to the same bytes, with any number of threads. A training that has ended
            stays there too, and comes back at once, until another one takes its place. None for no such folder.
        device: Where it trains: "cpu", "cuda", "cuda:1", "mps", or "auto" for the first GPU of CUDA if there is one. None for
            the CPU. A GPU trains up to 256 slices of the text beside each other, by torch, where the CPU trains 4 at most: the
            vectors are others, a bit worse in a corpus of a few million words, and need not be twice the same to the bit.
            `threads` means nothing there. A machine without the device can read the vectors, but not fit any.

    Raises:
        ConfigError: A setting has a value that can't be used; in fitting, the machine has no such device.
    """

    kind = "FastText"

    def __init__(
        self,
        *,
        width: int = 100,
        architecture: Architecture = "skipgram",
        loss: Loss = "negative-sampling",
        epochs: int | Auto = "auto",
        window: int = 5,
        negatives: int = 5,
        min_count: int | Auto = "auto",
        min_n: int = 3,
        max_n: int = 6,
        learning_rate: float = 0.045,
        subsample: float | Auto = "auto",
        position_weights: bool = False,
        held_out: float = 0.0,
        patience: int | None = None,
        phrases: int = 0,
        phrase_threshold: float = 100.0,
        phrase_discount: int = 5,
        phrase_connector: str = "_",
        threads: int | None = None,
        buckets: int | None = None,
        lower: bool = False,
        standardize: bool = False,
        checkpoint: str | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(
            _Settings(
                width=width,
                architecture=architecture,
                loss=loss,
                epochs=epochs,
                window=window,
                negatives=negatives,
                min_count=min_count,
                min_n=min_n,
                max_n=max_n,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=1 if threads is None else threads,
                buckets=buckets,
                lower=lower,
                standardize=standardize,
            ),
            Options(
                position_weights,
                held_out,
                patience,
                checkpoint=checkpoint,
                phrases=PhraseRule(phrases, phrase_threshold, phrase_discount, phrase_connector),
            ),
            threads,
            device,
        )
