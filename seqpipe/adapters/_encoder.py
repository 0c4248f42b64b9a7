"""An encoder as spaCy's "tok2vec": docs in, a vector for each token out, the vocabulary's vectors fine-tuned or not."""

import functools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2Vec, Tok2VecListener
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model, NumpyOps, Ops, set_dropout_rate
from thinc.types import Floats2d
from thinc.util import xp2torch
from torch import Tensor, nn

from seqpipe.adapters._characters import (
    CharacterEncoder,
    CharacterEncoderName,
    Spellings,
    find_character_encoder,
    spellings,
)
from seqpipe.adapters._contextual import ContextShim
from seqpipe.adapters._contract import calling, check_finite, check_tensor, made_by
from seqpipe.adapters._ensemble import check_ensemble, encoder_factory
from seqpipe.adapters._input_shim import input_shims
from seqpipe.adapters._lexicon import LexiconShim
from seqpipe.adapters._offsets import Offsets, signed, tuned_columns, tuned_keys
from seqpipe.adapters._pairs import text_lengths
from seqpipe.adapters._shim import TorchShim, as_array, torch_shims
from seqpipe.adapters._tokens import (
    are_of_words,
    distinct_words,
    hashes_of,
    read_tokens,
    vectors_of_tokens,
    vectors_of_words,
)
from seqpipe.adapters._trained_inputs import (
    LOWER_CASED,
    Feature,
    HashedFeatures,
    check_features,
    features_of,
)
from seqpipe.errors import ConfigError
from seqpipe.parts.cells import LSTM
from seqpipe.parts.encoders import Encoder, EncoderFactory, Recurrent

_DEFAULT_WIDTH = 128
#: What thinc knows these models by.
_MODEL = "seqpipe-encoder"


def make_encoder(
    encoder: EncoderFactory | None = None,
    trained_width: int = 0,
    trained_rows: int = 20000,
    tune: bool | list[str] = False,
    tuned_words: int = 50000,
    trained_features: list[Feature] | None = None,
    trained_dropout: float = 0.0,
    characters: int = 0,
    character_encoder: CharacterEncoderName = "convolution",
    language_models: list[str] | None = None,
    gazetteers: dict[str, str] | None = None,
    lexicon: str | None = None,
    lexicon_words: int = 100000,
    ensemble: int = 1,
) -> Model:
    """Make a model from docs to vectors; registered as the architecture "seqpipe.Encoder.v1".

    Its input is the vector that the vocabulary has for each token. Beside it there may be others
    that are trained with the encoder: a row of a table, picked by the hash of the token's
    lower-cased form, so that no vocabulary is needed; rows for other features of the token, such as
    its ending; and a vector that's computed from the token's characters. And there may be contextual string
    embeddings (Akbik, Blythe & Vollgraf 2018), from frozen language models of characters that read the whole text.

    The vocabulary's vectors may be tuned with the encoder: each word that they know has an offset, zero at
    first, that's trained and added to its vector. A word that they know only in its lower-cased form
    has that form's.

    What the input consists of is decided at initialisation: an encoder that found no vectors then doesn't
    look at any that the vocabulary is given later.

    Args:
        encoder: Makes the encoder from the width of its input. By default a bidirectional LSTM.
        trained_width: The width of the trained vectors of each feature; 0 for none. A vocabulary
            without vectors needs them, `characters`, `language_models` or lists.
        trained_rows: The number of rows of each feature's table. Words that share a row share a vector.
        tune: Whether the vocabulary's vectors are tuned; or the names of those embedders whose are,
            where there are several.
        tuned_words: How many words are tuned at most, the most frequent first.
        trained_features: What has trained vectors; None for the lower-cased form alone. As spaCy has
            them, "prefix" is the first character, "suffix" the last three, and "shape" says where
            there are capitals, digits and other characters.
        trained_dropout: The share of the features' vectors that are set to zero in training, each as a whole.
        characters: The width of the vectors that are computed from characters; 0 for none.
        character_encoder: How they are: by a convolution (Ma & Hovy 2016), or by LSTMs in both
            directions (Lample et al. 2016).
        language_models: Paths of pipelines whose language models of characters give each token a vector. They're read
            at initialisation, and saved with the encoder. None for none.
        gazetteers: Paths of lists of phrases, one a line, by name: names of persons, of places. For each token there
            are numbers that say which lists' phrases it lies in, and where in them. They're read and saved likewise.
        lexicon: The path of vectors of words, the most frequent first. Each token gets the vectors of the words that it may
            belong to where it stands, as Chinese characters do (SoftLexicon, Ma et al. 2020). None for none.
        lexicon_words: How many of these words are taken.
        ensemble: How many encoders read these inputs, each with random weights of its own. Their vectors stand side by side,
            for a head with the same `ensemble`; see `make_task_model`.

    Raises:
        ConfigError: A size is too small, a share is outside [0, 1), a feature or the encoder of characters is unknown, or
            `trained_features` are given without a `trained_width`.
    """
    least = {"trained_width": (trained_width, 0), "trained_rows": (trained_rows, 1)}
    least |= {"tuned_words": (tuned_words, 1), "characters": (characters, 0)}
    least |= {"lexicon_words": (lexicon_words, 1)}
    for name, (value, needed) in least.items():
        if value < needed:
            raise ConfigError(f"`{name}` is {value}; at least {needed} is needed", setting=name)
    if not 0 <= trained_dropout < 1:
        raise ConfigError(
            f"`trained_dropout` is {trained_dropout}; it must be at least 0 and less than 1",
            setting="trained_dropout",
        )
    if trained_dropout and not trained_width:
        raise ConfigError(
            "`trained_dropout` needs a `trained_width` above 0: there are no trained vectors to drop",
            setting="trained_dropout",
        )
    if lexicon == "":
        raise ConfigError(
            "`lexicon` is empty; name a file of vectors, or remove it", setting="lexicon"
        )
    check_ensemble(ensemble)
    encoder = encoder or functools.partial(Recurrent, cell=LSTM, width=_DEFAULT_WIDTH)
    width = _output_width(encoder)
    features = check_features(trained_features, trained_width)
    build = functools.partial(
        _build,
        encoder_factory(encoder, ensemble),
        functools.partial(HashedFeatures, trained_rows, features=features, dropout=trained_dropout),
        find_character_encoder(character_encoder, characters),
    )
    return Model(
        _MODEL,
        _forward,
        init=_init,
        dims={"nO": None if width is None else width * ensemble},
        attrs={
            "trained_width": trained_width,
            "tune": tune,
            "tuned_words": tuned_words,
            "characters": characters,
        },
        shims=[
            TorchShim(build, sample_sizes=(1, trained_width)),
            *([ContextShim(language_models)] if language_models else []),
            *(
                [LexiconShim(gazetteers or {}, lexicon, lexicon_words)]
                if gazetteers or lexicon
                else []
            ),
        ],
    )


class WordEncoder(nn.Module):
    """Tunes the vocabulary's vectors, puts trained ones beside them, and encodes them together.

    Args:
        encoder: Takes vectors of the width of all together.
        trained: The trained vectors of features, or None.
        offsets: What's added to the vocabulary's vectors, or None.
        characters: Computes vectors from characters, or None.
    """

    def __init__(
        self,
        encoder: Encoder,
        trained: HashedFeatures | None,
        offsets: Offsets | None,
        characters: CharacterEncoder | None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.trained = trained
        self.offsets = offsets
        self.characters = characters

    def forward(
        self,
        vectors: Tensor,
        keys: Tensor,
        lower: Tensor,
        lengths: Tensor,
        features: Tensor | None = None,
        spelled: Spellings | None = None,
        contexts: Tensor | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        """Encode the vectors `[N, D]` and hashes `[N]` of words, verbatim and lower-cased, to `[N, width]`.

        With `places` these are of distinct words, fewer than N.

        Args:
            vectors: What the vocabulary has for each word.
            keys: The hash of each word.
            lower: The hash of each word's lower-cased form.
            lengths: How many words each text has, `[B]`.
            features: The hashes of the features that have trained vectors, `[N, F]`. None if that's the lower-cased
                form alone.
            spelled: How the words are spelled, if vectors are computed from that.
            contexts: The vectors of the words in their texts that language models and lexicons give, `[N, C]`; None if
                there are none.
            places: Which word each place of the texts has, `[N]`. None if each has its own.
        """
        if self.offsets is not None:
            vectors = self.offsets(vectors, keys, lower)
        inputs = [vectors]
        if self.trained is not None:
            inputs.append(self.trained(lower[:, None] if features is None else features))
        if self.characters is not None:
            inputs.append(self.characters(spelled))
        if contexts is not None:
            inputs.append(contexts)
        joined = torch.cat(inputs, dim=1) if len(inputs) > 1 else vectors
        if places is None:
            return self.encoder(joined, lengths)  # type: ignore[no-any-return]
        # One of a plugin's that's made from it may take two arguments.
        if type(self.encoder).forward is Recurrent.forward:
            return self.encoder(joined, lengths, places)  # type: ignore[no-any-return]
        return self.encoder(joined[places], lengths)  # type: ignore[no-any-return]


def _build(
    encoder: EncoderFactory,
    make_trained: Callable[[int], HashedFeatures],
    make_characters: Callable[[], CharacterEncoder] | None,
    fixed_width: int,
    trained_width: int,
    tuned_words: int = 0,
    start: int = 0,
    end: int = 0,
    context_width: int = 0,
) -> WordEncoder:
    trained = make_trained(trained_width) if trained_width else None
    offsets = Offsets(tuned_words, slice(start, end)) if tuned_words else None
    characters = make_characters() if make_characters else None
    beside = sum(each.width for each in (trained, characters) if each)
    made = encoder(fixed_width + beside + context_width)
    made_by(made, encoder)
    return WordEncoder(made, trained, offsets, characters)


def _output_width(encoder: EncoderFactory) -> int | None:
    # Every encoder has the setting `width`, and a configuration always states it.
    width: int | None = getattr(encoder, "keywords", {}).get("width")
    return width


def _init(model: Model, X: list[Doc] | None = None, Y: Any = None) -> None:
    fixed_width = X[0].vocab.vectors.shape[1] if X else 0
    trained_width = model.attrs["trained_width"]
    contexts = input_shims(model)
    for context in contexts:
        context.build(X or [])
    context_width = sum(context.width for context in contexts)
    if not fixed_width + trained_width + model.attrs["characters"] + context_width:
        raise ConfigError(
            "the vocabulary has no vectors for the encoder: fit an embedder, load vectors, or set "
            "`trained_width` of seqpipe.Encoder.v1 so that vectors are trained with the encoder"
        )
    shim = model.shims[0]
    if X and model.attrs["tune"]:
        columns = tuned_columns(X[0].vocab, model.attrs["tune"])
        keys = tuned_keys(X[0].vocab, model.attrs["tuned_words"])
        tuned = len(keys), columns.start, columns.stop
        shim.build(fixed_width, trained_width, *tuned, *filter(None, [context_width]))
        shim.module.offsets.tune_words(keys)
    elif contexts:
        shim.build(fixed_width, trained_width, 0, 0, 0, context_width)
    else:
        shim.build(fixed_width, trained_width)
    encoder = shim.module.encoder
    with calling(encoder, "encoder", "was asked for its `width`"):
        model.set_dim("nO", encoder.width)


def _forward(
    model: Model, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    if not docs:
        return [], _no_gradient
    shim = model.shims[0]
    lengths = torch.tensor([len(doc) for doc in docs])
    # The texts of a pair are read one by one: neither sees the other.
    of_texts = torch.tensor([length for doc in docs for length in text_lengths(doc)])
    inputs = _inputs(model, docs, of_texts, is_train=is_train)
    encoder = shim.module.encoder
    with calling(encoder, "encoder", f"encoded {len(docs)} texts"):
        outputs, backprop_outputs = (
            shim.begin_update(inputs) if is_train else (shim.predict(inputs), None)
        )
    shape = (int(lengths.sum()), model.get_dim("nO"))
    check_tensor(encoder, "encoder", outputs, inputs[0], shape, "[words, width]")
    if backprop_outputs is None:
        check_finite(encoder, "encoder", outputs, "vectors")
        return _split(model, outputs, lengths), _no_gradient

    def backprop(d_outputs: list[Floats2d]) -> list[Doc]:
        with calling(encoder, "encoder", "took the gradient of its outputs"):
            backprop_outputs(xp2torch(flattened(model.ops, d_outputs), device=shim.device))
        return []

    return _split(model, outputs.detach(), lengths), backprop


def _inputs(model: Model, docs: list[Doc], lengths: Tensor, *, is_train: bool) -> tuple[Any, ...]:
    """Return what `WordEncoder.forward` takes."""
    shim, vocab = model.shims[0], docs[0].vocab
    width = next(iter(shim.sizes), 0)
    tokens = read_tokens(docs)
    if is_train or not (_reads_words_alone(model) and are_of_words(vocab)):
        hashes, places = hashes_of(tokens), None
        vectors = vectors_of_tokens(tokens, width=width)
    else:
        # Few words make up most of a text, and without noise each of them is the same wherever it stands.
        hashes, numbers = distinct_words(tokens)
        places = torch.from_numpy(numbers).to(shim.device)
        vectors = vectors_of_words(vocab, hashes[0], width=width)
    return (
        xp2torch(vectors, device=shim.device),
        *(torch.from_numpy(signed(each)).to(shim.device) for each in hashes),
        lengths,
        *_more_inputs(docs, hashes[0], shim),
        _contexts(model, docs, is_train=is_train),
        places,
    )


def _reads_words_alone(model: Model) -> bool:
    """Say whether an encoder's inputs depend on the words, and not on where they stand."""
    trained = cast(WordEncoder, model.shims[0].module).trained
    features = LOWER_CASED if trained is None else trained.features
    return features == LOWER_CASED and not input_shims(model)


def _split(model: Model, outputs: Tensor, lengths: Tensor) -> list[Floats2d]:
    return list(model.ops.unflatten(as_array(outputs), lengths.numpy()))


def flattened(ops: Ops, arrays: list[Floats2d]) -> Floats2d:
    """Return arrays below each other, as `ops.flatten` does, but copied only if they don't lie so in memory already."""
    filled = [array for array in arrays if array.size]
    first = filled[0] if filled else None
    if not isinstance(ops, NumpyOps) or first is None or first.base is None:
        return ops.flatten(arrays)
    end = first.ctypes.data
    for array in filled:
        is_next = array.base is first.base and array.ctypes.data == end and array.flags.c_contiguous
        if not is_next or array.dtype != first.dtype or array.shape[1:] != first.shape[1:]:
            return ops.flatten(arrays)
        end += array.nbytes
    shape = sum(map(len, filled)), *first.shape[1:]
    return np.lib.stride_tricks.as_strided(first, shape)


def update_encoder(
    component: Tok2Vec, examples: list[Example], *, drop: float, losses: dict[str, float]
) -> None:
    """Do what spaCy's `Tok2Vec.update` does, but copy no gradients if only one component listens, as there's no sum then."""
    if len(component.listeners) != 1:
        component.update(examples, drop=drop, losses=losses)
        return
    docs = [example.predicted for example in examples]
    set_dropout_rate(component.model, drop)
    vectors, backprop_vectors = component.model.begin_update(docs)
    losses.setdefault(component.name, 0.0)

    def backprop(gradients: list[Floats2d]) -> list[Doc]:
        # A component that has no gradient gives none at all.
        gradients = gradients or [np.zeros_like(each) for each in vectors]
        # In one thread each, and without an array of squares.
        losses[component.name] += sum(float(np.einsum("nd,nd->", g, g)) for g in gradients)
        found: list[Doc] = backprop_vectors(gradients)
        return found

    component.listeners[0].receive(Tok2VecListener.get_batch_id(docs), vectors, backprop)


def _no_gradient(d_outputs: list[Floats2d]) -> list[Doc]:
    return []


def _more_inputs(
    docs: list[Doc], keys: NDArray[np.uint64], shim: TorchShim
) -> tuple[Tensor | None, Spellings | None]:
    """Return what `WordEncoder.forward` needs of words beside their vectors and hashes.

    Args:
        docs: The texts.
        keys: The hashes of their words, verbatim, `[N]`.
        shim: Holds the encoder.
    """
    module = cast(WordEncoder, shim.module)
    features = spelled = None
    if module.trained is not None and module.trained.features != LOWER_CASED:
        hashes = signed(features_of(docs, module.trained.features))
        features = torch.from_numpy(hashes).to(shim.device)
    if module.characters is not None:
        spelled = spellings(docs[0].vocab, keys).to(shim.device)
    return features, spelled


def _contexts(model: Model, docs: list[Doc], *, is_train: bool) -> Tensor | None:
    found = [shim.vectors(docs, is_train=is_train) for shim in input_shims(model)]
    if not found:
        return None
    return torch.from_numpy(np.concatenate(found, axis=1)).to(model.shims[0].device)


def encoders_in(component: object) -> list[TorchShim]:
    """Return what holds the `WordEncoder`s of a component of spaCy's, once they're built."""
    model = getattr(component, "model", None)
    if not isinstance(model, Model):
        return []
    return [node.shims[0] for node in model.walk() if node.name == _MODEL]


def recurrent_engines(nlp: Language) -> dict[str, str]:
    """Return the engine of each cell in a pipeline, by component and place, such as "tok2vec.layers.0.0"."""
    found: dict[str, str] = {}
    for name, component in nlp.pipeline:
        for shim in torch_shims(component):
            for place, module in shim.module.named_modules():
                if isinstance(module, Recurrent):
                    like = next(module.parameters()).new_zeros(1, 1)
                    named = module.engines(like)
                    found |= {f"{name}.{_join(place, cell)}": e for cell, e in named.items()}
    return found


def _join(*places: str) -> str:
    return ".".join(place for place in places if place)
