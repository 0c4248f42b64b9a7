"""A language model as a component of spaCy's: it says how surprising words are, and writes text."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import torch
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Token
from spacy.training import Example
from spacy.util import minibatch
from spacy.vocab import Vocab

from seqpipe import storage
from seqpipe.adapters._contract import calling, read_examples
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.adapters._sequences import SequenceCorpus
from seqpipe.adapters._tokenizer import seed_of, tokenized
from seqpipe.devices import Placement
from seqpipe.errors import ConfigError, LanguageModelError, SavedModelError
from seqpipe.parts.cells import CellFactory
from seqpipe.parts.language_models import (
    Cutoffs,
    Direction,
    Figures,
    Fitting,
    LanguageModel,
    Step,
    TrainedModel,
    Units,
    Vocabulary,
    check_shape,
)

#: What a model predicts.
Unit: TypeAlias = Literal["character", "word"]

_AT_ONCE: Final = 64
_NOT_TRAINED: Final = b""

for _name in ("perplexity", "bits_per_character"):
    if not Doc.has_extension(_name):
        Doc.set_extension(_name, default=None)
if not Token.has_extension("surprisal"):
    Token.set_extension("surprisal", default=None)

_Corpus = Callable[[Language], Iterable[Example]]


@dataclass(frozen=True)
class Plan:
    """What a language model is made by once its vocabulary is known.

    Attributes:
        unit: What it predicts.
        direction: Which way it reads.
        min_count: How often a unit has to occur in the train part to be known.
        max_vocabulary: How many units are known at most; None for no limit.
        make: Makes the network from the number of units; it can be pickled, as the processes of `nlp.pipe` need it.
        fitting: How it's trained.

    Raises:
        ConfigError: A number of units is less than 1.
    """

    unit: Unit
    direction: Direction
    min_count: int
    max_vocabulary: int | None
    make: Callable[[int], LanguageModel]
    fitting: Fitting

    def __post_init__(self) -> None:
        counts = {"min_count": self.min_count, "max_vocabulary": self.max_vocabulary}
        for setting, count in counts.items():
            if count is not None and count < 1:
                raise ConfigError(f"`{setting}` is {count}; it must be at least 1")

    def build(self, texts: Sequence[Units]) -> TrainedModel:
        """Return a model of the units of texts, as it's initialised.

        Raises:
            DataError: There's nothing to learn from.
            ConfigError: The settings don't fit the vocabulary.
        """
        vocabulary = Vocabulary.of(
            (text.units for text in texts), min_count=self.min_count, most=self.max_vocabulary
        )
        return TrainedModel(vocabulary, self.make(len(vocabulary)), direction=self.direction)


class LanguageModelPipe(Pipe):  # type: ignore[misc]
    """Sets `token._.surprisal`, `doc._.perplexity` and `doc._.bits_per_character`, and writes text.

    A token's surprisal is what it costs in bits: minus the binary logarithm of its probability. That of a model of
    characters is the sum over the token's characters and the blank after it; a token of white space has 0 from a model of
    words, which doesn't see it. There's nothing for `nlp.update` to do: `nlp.initialize` trains the whole model.

    Args:
        vocab: The pipeline's vocabulary.
        name: What the component is called.
        plan: What the model is made by.
        tokenizer: Splits texts that are given as strings.

    Attributes:
        trained: The model; None before it's trained.
        by_frequencies: How well the frequencies of the units predict the dev part by themselves, which a model has to
            beat; None before it's trained, and without a dev part.
        on_step: Called with each step of the training, when the weights are those after it.
    """

    def __init__(
        self, vocab: Vocab, name: str, plan: Plan, tokenizer: Callable[[str], Doc]
    ) -> None:
        self.vocab = vocab
        self.name = name
        self.plan = plan
        self.trained: TrainedModel | None = None
        self.by_frequencies: Figures | None = None
        self.on_step: Callable[[Step], None] | None = None
        self._tokenizer = tokenizer
        #: Where the model is, or will be once it's there.
        self.placement = Placement()

    @property
    def found_on(self) -> torch.device | None:
        """The device that the model is on, or None before there is one."""
        return self.trained.model.embedding.weight.device if self.trained else None

    def move(self, placement: Placement) -> None:
        """Move the model, or have it trained elsewhere; see `seqpipe.adapters.move_pipeline`. It computes in float32 in any case."""
        self.placement = placement
        if self.trained and placement.device is not None:
            self.trained.model.to(placement.device)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        train: _Corpus | None = None,
        dev: _Corpus | None = None,
    ) -> None:
        """Train the model; it ends with the weights that predict the dev part best.

        Args:
            get_examples: Returns examples with the texts to learn from, if there's no `train`.
            nlp: The pipeline.
            train: A corpus with the texts to learn from.
            dev: A corpus with those that choose the best weights; without it the last ones stay.

        Raises:
            DataError: There's nothing to learn from.
            NotFiniteError: A loss or a gradient is NaN or infinite.
        """
        texts = list(self.read(nlp, train) if nlp and train else map(self._of, get_examples()))
        held_out = list(self.read(nlp, dev)) if nlp and dev else []
        torch.manual_seed(seed_of(nlp) if nlp else 0)
        self.trained = self.plan.build(texts)
        self.move(self.placement)
        self.by_frequencies = self.trained.by_frequencies(texts, held_out) if held_out else None
        best: dict[str, torch.Tensor] = {}
        for step in self.trained.fit(texts, held_out, self.plan.fitting):
            if step.is_best:
                weights = self.trained.model.state_dict()
                best = {name: value.clone() for name, value in weights.items()}
            if self.on_step:
                self.on_step(step)
        self.trained.model.load_state_dict(best)
        self.trained.model.eval()

    def read(self, nlp: Language, corpus: _Corpus) -> Iterator[Units]:
        """Yield the units of the texts of a corpus.

        Raises:
            DataError: As the corpus.
        """
        if not isinstance(corpus, SequenceCorpus):
            yield from map(self._of, read_examples(corpus, nlp))
        elif self.plan.unit == "character":
            for text in corpus.texts():
                yield Units(text, len(text) + 1)
        else:
            for text, words in zip(corpus.texts(), corpus.sequences(nlp), strict=True):
                yield Units(words, len(text) + 1)

    def __call__(self, doc: Doc) -> Doc:
        """Set what the tokens of a doc cost."""
        return self._annotate([doc])[0]

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = _AT_ONCE) -> Iterator[Doc]:
        """Set what the tokens of docs cost, many docs at once; docs that fail go to the error handler."""
        handle_error = self.get_error_handler()
        for docs in map(list, minibatch(stream, size=batch_size)):
            try:
                annotated = self._annotate(docs)
            except Exception as error:
                handle_error(self.name, self, docs, error)
            else:
                yield from annotated

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> str:
        """Write a text.

        Args:
            prompt: What it begins with; that of a backward model, what it ends with.
            length: How many units are written at most. The text may end before.
            temperature: Below 1, likely units become likelier; 0 always takes the likeliest one.
            top_k: Only so many of the likeliest units are drawn; None for all.
            top_p: Only the likeliest units that have this share of the probability together are drawn; None for all.
            seed: The same one writes the same text; None for another text each time.

        Returns:
            The prompt and what was written. Words are joined by blanks.

        Raises:
            ConfigError: A setting is out of bounds.
            LanguageModelError: The model hasn't been trained.
        """
        trained = self._required()
        drawn = trained.generate(
            self._units(prompt).units,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
        )
        joint = "" if self.plan.unit == "character" else " "
        parts = [prompt, joint.join(drawn)]
        ordered = parts if trained.direction == "forward" else parts[::-1]
        return joint.join(part for part in ordered if part)

    @property
    def vocabulary(self) -> Vocabulary:
        """The units that the model knows.

        Raises:
            LanguageModelError: The model hasn't been trained.
        """
        return self._required().vocabulary

    def measure(self, texts: str | Doc | Iterable[str | Doc]) -> Figures:
        """Return how well texts are predicted, each by itself: perplexity, and bits per character.

        Args:
            texts: The texts, or a single one.

        Raises:
            LanguageModelError: The model hasn't been trained.
            DataError: There's no text.
        """
        several = [texts] if isinstance(texts, (str, Doc)) else texts
        return self.measure_units(map(self._units, several))

    def measure_units(self, texts: Iterable[Units]) -> Figures:
        """Return how well texts are predicted whose units are known; see `measure`."""
        return self._required().measure(texts)

    def loss(self, texts: str | Doc | Iterable[str | Doc]) -> float:
        """Return what a unit of texts costs on average, in nats, as the training has it; see `measure`.

        Raises:
            LanguageModelError: The model hasn't been trained.
            DataError: There's no text.
        """
        return self.measure(texts).loss

    def score(self, examples: Sequence[Example], **kwargs: Any) -> dict[str, Any]:
        """Return the perplexity and the bits per character of the texts of examples; nothing if there are none."""
        if not examples:
            return {}
        found = self.measure([example.reference for example in examples])
        return {"perplexity": found.perplexity, "bits_per_character": found.bits_per_character}

    def _annotate(self, docs: list[Doc]) -> list[Doc]:
        texts = [self._units(doc) for doc in docs]
        costs = self._required().surprisals([text.units for text in texts])
        for doc, text, bits in zip(docs, texts, costs, strict=True):
            figures = Figures(sum(bits), len(bits), text.characters)
            doc._.perplexity = figures.perplexity
            doc._.bits_per_character = figures.bits_per_character
            self._spread(doc, bits)
        return docs

    def _spread(self, doc: Doc, bits: Sequence[float]) -> None:
        """Give each token what its units cost."""
        if self.plan.unit == "character":
            for token in doc:
                token._.surprisal = sum(bits[token.idx : token.idx + len(token.text_with_ws)])
            return
        words = iter(bits)
        for token in doc:
            token._.surprisal = 0.0 if token.is_space else next(words)

    def _of(self, example: Example) -> Units:
        return self._units(example.reference)

    def _units(self, text: str | Doc) -> Units:
        if self.plan.unit == "character":
            letters = text if isinstance(text, str) else text.text
            return Units(letters, len(letters) + 1)
        doc = tokenized(self._tokenizer, text) if isinstance(text, str) else text
        words = [token.text for token in doc if not token.is_space]
        return Units(words, len(doc.text) + 1)

    def _required(self) -> TrainedModel:
        if self.trained is None:
            raise LanguageModelError(
                f"the component {self.name!r} hasn't been trained; `seqpipe run` trains it, and so does `nlp.initialize`"
            )
        return self.trained

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the model into the component's folder, or that there's none yet."""
        # What's sealed in there is about to change, unless a whole pipeline is being written, which is new.
        storage.discard_manifest(Path(path).parent)
        Path(path).mkdir(parents=True, exist_ok=True)
        if self.trained:
            self.trained.to_disk(Path(path))
        else:
            # A model's files may be there, and stay: a pipeline is saved by moving files over those before.
            TrainedModel.none_to_disk(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "LanguageModelPipe":
        """Read the model.

        Raises:
            SavedModelError: It can't be read, or the pipeline has a manifest and differs from it.
        """
        # Where a component is read by itself, nothing has checked its pipeline before.
        storage.check_sealed(Path(path).parent)
        if not Path(path).is_dir():
            raise SavedModelError(
                f"{path} is missing, the folder of the component {self.name!r}: save the pipeline with all of its "
                "components, or load it with exclude=[...]"
            )
        self._read(Path(path))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the model's files in one piece; none before it's trained."""
        return pack(self.trained.to_disk) if self.trained else _NOT_TRAINED

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "LanguageModelPipe":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else.
        """
        if data == _NOT_TRAINED:
            self.trained = None
            return self
        with unpacked(data, "language model") as folder:
            self._read(folder)
        return self

    def _read(self, folder: Path) -> None:
        with calling(self, "language model", "was read"):
            is_trained = TrainedModel.is_in(folder)
            self.trained = TrainedModel.from_disk(folder, self.plan.make) if is_trained else None
        if self.trained:
            self.move(self.placement)
            self.trained.model.eval()


@Language.factory(  # type: ignore[untyped-decorator]
    "seqpipe_language_model",
    assigns=["token._.surprisal", "doc._.perplexity", "doc._.bits_per_character"],
    default_score_weights={"perplexity": 0.0, "bits_per_character": 0.0},
)
def make_language_model_pipe(
    nlp: Language,
    name: str,
    unit: Unit = "character",
    cell: CellFactory | None = None,
    width: int = 256,
    layers: int = 1,
    embedding_width: int | None = None,
    tied: bool = True,
    direction: Direction = "forward",
    dropout: float = 0.1,
    min_count: int = 2,
    max_vocabulary: int | None = None,
    cutoffs: Cutoffs = "auto",
    sequence_length: int = 64,
    batch_size: int = 32,
    epochs: int = 10,
    seconds: float | None = None,
    fresh_starts: float = 0.1,
    learn_rate: float = 0.01,
    warmup: float = 0.05,
    weight_decay: float = 0.01,
    grad_clip: float = 1.0,
    evaluations: int = 10,
) -> LanguageModelPipe:
    """Make the component; registered as the factory "seqpipe_language_model".

    Args:
        nlp: The pipeline.
        name: What the component is called.
        unit: What the model predicts: characters, or the words of the pipeline's tokenizer.
        cell: Makes the cells of the layers; None for an LSTM.
        width: See `LanguageModel`, as for the next four.
        layers: The number of layers.
        embedding_width: The width of a unit's vector; None for `width`.
        tied: Whether the output has the weights of the embedding.
        direction: Which way it reads.
        dropout: See `LanguageModel`.
        min_count: How often a unit has to occur in the train part to be known.
        max_vocabulary: How many units are known at most; None for no limit.
        cutoffs: See `choose_cutoffs`.
        sequence_length: See `Fitting`, as for all that follow.
        batch_size: The number of parallel streams.
        epochs: The number of passes over the train part.
        seconds: After how many the training ends at the latest.
        fresh_starts: The share of texts that are begun with a fresh state.
        learn_rate: The greatest learning rate.
        warmup: The share of the training over which the rate rises.
        weight_decay: That of AdamW.
        grad_clip: The greatest norm of the gradient.
        evaluations: How often the model is evaluated on the dev part.

    Raises:
        ConfigError: A setting is out of bounds.
    """
    check_shape(width, layers, embedding_width, tied=tied, dropout=dropout)
    make = functools.partial(
        LanguageModel,
        cell=cell,
        width=width,
        layers=layers,
        embedding_width=embedding_width,
        tied=tied,
        dropout=dropout,
        cutoffs=cutoffs,
    )
    fitting = Fitting(
        sequence_length=sequence_length,
        batch_size=batch_size,
        epochs=epochs,
        seconds=seconds,
        fresh_starts=fresh_starts,
        learn_rate=learn_rate,
        warmup=warmup,
        weight_decay=weight_decay,
        grad_clip=grad_clip,
        evaluations=evaluations,
    )
    plan = Plan(unit, direction, min_count, max_vocabulary, make, fitting)
    return LanguageModelPipe(nlp.vocab, name, plan, nlp.tokenizer)


def language_model_in(nlp: Language) -> LanguageModelPipe:
    """Return the first language model of a pipeline.

    Raises:
        LanguageModelError: It has none.
    """
    for _, component in nlp.pipeline:
        if isinstance(component, LanguageModelPipe):
            return component
    raise LanguageModelError(
        f"the pipeline has no language model, only {', '.join(nlp.pipe_names) or 'a tokenizer'}; a file with "
        "[language_model] trains one"
    )
