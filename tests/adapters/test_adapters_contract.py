"""A part that breaks its contract in a pipeline is named, with what it returned and should have."""

import functools

import numpy as np
import pytest
import spacy
import torch
from adapters.adapter_examples import LABELS, Letters, docs_of, textcat_examples
from torch import nn

from seqpipe.adapters import (
    ClassifierPipe,
    EmbedderVectors,
    WordTokenizer,
    _contract,
    calling,
    make_encoder,
    make_fit_embedder,
    naming_scorer,
    read_examples,
)
from seqpipe.adapters._classifier import make_head
from seqpipe.adapters._corpus import DataSet
from seqpipe.adapters._sequences import SequenceCorpus
from seqpipe.errors import DataError, NotFiniteError, PluginError
from seqpipe.parts.classifiers import Classifier
from seqpipe.parts.embedders import Concatenated
from seqpipe.parts.encoders import Encoder
from seqpipe.parts.heads import Head, TextClassifier
from seqpipe.parts.readers import Reader, ReadResult, Row, Stream
from seqpipe.plugins import Owner, Part, note_maker

NAMED = "acme.Broken.v1 of acme-parts 1.2"


def offered(made, kind="tokenizers"):
    """Return an object as what a plugin's part has made."""
    note_maker(made, Part(kind, "acme.Broken.v1", type(made), Owner("acme-parts", "1.2")))
    return made


class Given:
    """Returns what it's given, or raises it."""

    def __init__(self, given):
        self.given = given

    def __call__(self, *args, **kwargs):
        if isinstance(self.given, Exception):
            raise self.given
        return self.given(*args, **kwargs) if callable(self.given) else self.given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "returned None, and should return a list of strings, the words of 'two words'"),
        ("two words", "returned 'two words', a str, and should return a list of strings"),
        (17, "returned 17, a int"),
        (["two", 2], "returned ['two', 2], a list"),
        (["two", None], "returned ['two', None], a list"),
        (["two"], "lost or changed characters at 3 (' words') before the end"),
        (["two", "wards"], "lost or changed characters at 3 (' words') before 'wards'"),
        (["two words"], "lost or changed characters at 0"),
        (KeyError("x"), "raised KeyError: 'x' while it tokenized 'two words'"),
    ],
)
def test_broken_tokenizer_is_named(given, says):
    nlp = spacy.blank("en")
    nlp.tokenizer = WordTokenizer(nlp.vocab, offered(Given(given)))
    with pytest.raises(PluginError) as error:
        nlp("two words")
    assert NAMED in str(error.value) and says in str(error.value)
    assert error.value.__cause__ is (given if isinstance(given, Exception) else None)


def test_words_may_come_from_a_generator():
    tokenizer = WordTokenizer(spacy.blank("en").vocab, lambda text: (w for w in text.split()))
    assert tokenizer.words("two words") == ["two", "words"]


def test_part_of_no_plugin_is_named_by_its_class():
    with pytest.raises(PluginError, match=r"the tokenizer \S+\.Given returned None"):
        WordTokenizer(spacy.blank("en").vocab, Given(None))("a")


class ChangedLetters(Letters):
    """Gives vectors that something has been done to."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def embed(self, words):
        return self.change(super().embed(words))


def raise_key_error(_):
    raise KeyError("x")


def with_nan(vectors):
    vectors[1, 2] = np.nan
    return vectors


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda v: v[:, :3],
            "returned an array [2, 3] of float32, and should return an array [2, 4]",
        ),
        (lambda v: v[:1], "returned an array [1, 4] of float32"),
        (lambda v: v.astype(int), "returned an array [2, 4] of int64"),
        (lambda v: v.astype(object), "returned an array [2, 4] of object"),
        (lambda v: v.tolist(), ", a list, and should return an array [2, 4] of float32"),
        (lambda v: None, "returned None"),
        (with_nan, "returned NaN or infinite numbers for 'word'"),
        (raise_key_error, "raised KeyError: 'x' while it was asked for the vectors of 2 words"),
    ],
)
@pytest.mark.parametrize("beside_others", [False, True])
def test_broken_embedder_is_named(change, says, beside_others):
    nlp = spacy.blank("en")
    embedder = offered(ChangedLetters(change), "embedders")
    if beside_others:
        embedder = Concatenated({"good": Letters(), "bad": embedder})
    nlp.vocab.vectors = EmbedderVectors(strings=nlp.vocab.strings, embedder=embedder)
    with pytest.raises(PluginError) as error:
        nlp.vocab.vectors.get_batch(["a", "word"])
    assert str(error.value).startswith(NAMED) and says in str(error.value)


def test_vectors_of_wide_floats_become_float32():
    nlp = spacy.blank("en")
    embedder = ChangedLetters(lambda vectors: vectors.astype("float64"))
    vectors = EmbedderVectors(strings=nlp.vocab.strings, embedder=embedder)
    assert vectors.get_batch(["a"]).dtype == np.float32


def test_embedder_is_asked_for_all_of_its_vectors_once_it_is_fitted():
    nlp = spacy.blank("en")
    embedder = offered(ChangedLetters(lambda vectors: vectors), "embedders")
    nlp.vocab.vectors = EmbedderVectors(strings=nlp.vocab.strings, embedder=embedder)
    fit = make_fit_embedder(lambda nlp: textcat_examples(nlp))
    fit(nlp)
    embedder.change = with_nan
    with pytest.raises(PluginError, match="returned NaN or infinite numbers for 'bad'"):
        fit(nlp)


class Broken(Encoder):
    """Doubles its inputs, and does something to that."""

    def __init__(self, input_width, *, change, width=4):
        super().__init__()
        self.input_width, self.width, self.change = input_width, width, change
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, inputs, lengths):
        return self.change(inputs * self.scale)


ENCODERS = [
    (
        lambda y: y[1:],
        "returned a tensor [2, 4] of float32 on cpu, and should return a tensor [3, 4]",
    ),
    (lambda y: y[:, 1:], "returned a tensor [3, 3] of float32 on cpu"),
    (lambda y: y.double(), "returned a tensor [3, 4] of float64 on cpu"),
    (lambda y: y.to("meta"), "returned a tensor [3, 4] of float32 on meta"),
    (lambda y: (y, None), "a tuple, and should return a tensor [3, 4] of float32 on cpu"),
    (lambda y: None, "returned None"),
    (raise_key_error, "raised KeyError: 'x' while it encoded 2 texts"),
]


@pytest.mark.parametrize(("change", "says"), ENCODERS)
@pytest.mark.parametrize("is_train", [False, True])
def test_broken_encoder_is_named(change, says, is_train):
    factory = offered(functools.partial(Broken, change=change, width=4), "encoders")
    docs = docs_of(spacy.blank("en"), ["two words", "one"])
    model = make_encoder(factory, trained_width=4)
    model.initialize(docs)
    with pytest.raises(PluginError) as error:
        model(docs, is_train=is_train)
    assert NAMED in str(error.value) and says in str(error.value)


def test_few_of_very_many_words_are_checked_after_fitting(monkeypatch):
    monkeypatch.setattr(_contract, "_MOST_CHECKED", 10)
    asked = []

    class Asked(Letters):
        def embed(self, words):
            asked.extend(words)
            return super().embed(words)

    for count in (0, 10, 95):
        embedder = Asked()
        embedder.words = [f"{number:02}" for number in range(count)]
        asked.clear()
        _contract.check_vectors(embedder)
        assert asked == embedder.words[:: -(-count // 10) or 1]


def test_encoder_whose_outputs_are_nan_is_named():
    factory = offered(functools.partial(Broken, change=lambda y: y * torch.nan), "encoders")
    docs = docs_of(spacy.blank("en"), ["two words", "one"])
    model = make_encoder(factory, trained_width=4)
    model.initialize(docs)
    with pytest.raises(NotFiniteError, match=f"{NAMED} returned vectors with NaN"):
        model.predict(docs)


class Changed(TextClassifier):
    """A head that does something to its logits, its scores, or their gradient."""

    def __init__(self, input_width, output_width, *, where, change):
        super().__init__(input_width, output_width)
        self.where, self.change = where, change

    def forward(self, inputs, lengths):
        return self._change("logits", super().forward(inputs, lengths))

    def scores(self, logits):
        return self._change("scores", super().scores(logits))

    # As a head that was written before heads had a loss.
    loss = Head.loss

    def grad_logits(self, scores, grad_scores):
        return self._change("gradient", grad_scores / len(scores))

    def _change(self, what, values):
        return self.change(values) if what == self.where else values


def a_column_more(values):
    return torch.cat([values, values[:, :1]], dim=1)


HEADS = [
    (
        "logits",
        a_column_more,
        "returned a tensor [2, 3] of float32 on cpu, and should return a tensor [2, 2]",
    ),
    ("logits", lambda y: y[:1], "returned a tensor [1, 2] of float32"),
    ("logits", lambda y: y.half(), "returned a tensor [2, 2] of float16"),
    ("logits", raise_key_error, "raised KeyError: 'x' while it was given 2 texts"),
    ("scores", a_column_more, "returned a tensor [2, 3]"),
    (
        "scores",
        lambda y: None,
        "returned None, and should return a tensor [2, 2] of float32 on cpu: the scores",
    ),
    ("gradient", a_column_more, "of float32 on cpu: the gradient of its logits"),
    ("gradient", raise_key_error, "raised KeyError: 'x' while it took the gradient of its loss"),
]


@pytest.mark.parametrize(("where", "change", "says"), HEADS)
def test_broken_head_is_named(where, change, says):
    with pytest.raises(PluginError) as error:
        head_scores(where, change)
    assert NAMED in str(error.value) and says in str(error.value)


@pytest.mark.parametrize("where", ["logits", "scores"])
def test_head_whose_scores_are_nan_is_named(where):
    with pytest.raises(NotFiniteError, match=f"{NAMED} returned scores with NaN"):
        head_scores(where, lambda values: values * torch.inf * 0, is_train=False)


class Scaling(TextClassifier):
    """A head that scales its inputs where they lie."""

    def forward(self, inputs, lengths):
        return super().forward(inputs.mul_(2), lengths)


@pytest.mark.parametrize("is_train", [False, True])
def test_head_that_changes_its_inputs_is_named(is_train):
    whole = np.ones((3, 3), dtype="float32")
    model = make_head(offered(Scaling, "heads"))
    model.initialize([whole[:2], whole[2:]], np.eye(2, dtype="float32"))
    says = "in-place" if is_train else "changed the vectors it was given"
    with pytest.raises(PluginError, match=f"{NAMED}.* {says}"):
        model([whole[:2], whole[2:]], is_train=is_train)


def test_head_predicts_in_torchs_inference_mode():
    inputs = [np.ones((2, 3), dtype="float32")]
    model = make_head(TextClassifier)
    model.initialize(inputs, np.eye(1, 2, dtype="float32"))
    expected = model.predict(inputs)
    with torch.inference_mode():
        np.testing.assert_array_equal(model.predict(inputs), expected)


def head_scores(where, change, *, is_train=True):
    factory = offered(functools.partial(Changed, where=where, change=change), "heads")
    inputs = [np.ones((2, 3), dtype="float32"), np.ones((1, 3), dtype="float32")]
    model = make_head(factory)
    model.initialize(inputs, np.eye(2, dtype="float32"))
    scores, backprop = model(inputs, is_train=is_train)
    return backprop(scores)


class Fixed(Classifier):
    """Returns what it's given."""

    exclusive = True
    labels = LABELS

    def __init__(self, given):
        self.given = given

    def fit(self, examples, *, labels, seed=0, on_progress=None, dev=None):
        return self.given()

    def predict(self, texts):
        return self.given()

    def to_disk(self, path):
        return self.given()

    def from_disk(self, path):
        return self.given()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            lambda: np.zeros((1, 3), "float32"),
            "and should return an array [1, 2] of float32: [texts, labels]",
        ),
        (
            lambda: np.full((1, 2), np.nan, "float32"),
            "returned NaN or infinite numbers for 'a text'",
        ),
        (lambda: None, "returned None"),
        (lambda: raise_key_error(0), "raised KeyError: 'x' while it was given 1 texts"),
    ],
)
def test_broken_classifier_is_named(given, says):
    nlp = spacy.blank("en")
    pipe = ClassifierPipe(nlp.vocab, "c", offered(Fixed(given), "classifiers"), 0.5)
    with pytest.raises(PluginError) as error:
        pipe(nlp("a text"))
    assert NAMED in str(error.value) and says in str(error.value)


@pytest.mark.parametrize(
    ("call", "doing"),
    [
        (lambda pipe, path: pipe.initialize(lambda: [], labels=LABELS), "was fitted"),
        (lambda pipe, path: pipe.to_disk(path), "was written"),
        (lambda pipe, path: pipe.from_disk(path), "was read"),
    ],
)
def test_classifier_that_raises_is_named(tmp_path, call, doing):
    classifier = offered(Fixed(lambda: raise_key_error(0)), "classifiers")
    pipe = ClassifierPipe(spacy.blank("en").vocab, "c", classifier, 0.5)
    with pytest.raises(PluginError, match=f"{NAMED} raised KeyError: 'x' while it {doing}"):
        call(pipe, tmp_path / "c")


class Rows(Reader):
    """Reads what it's given."""

    def __init__(self, given):
        self.given = given

    def read(self):
        return self.given()


ROW = Row("text", ("label",), "place")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda: [{"text": "a"}], "a list, and should return a ReadResult"),
        (
            lambda: ReadResult((ROW, {"text": "a"}), ()),
            "returned {'text': 'a'}, a dict, and should return rows",
        ),
        (lambda: ReadResult((Row("a", "label", "p"),), ()), "whose labels are a tuple of strings"),
        (lambda: raise_key_error(0), "raised KeyError: 'x' while it was read"),
    ],
)
def test_broken_reader_is_named(given, says):
    reader = offered(Rows(given))
    with pytest.raises(PluginError) as error:
        DataSet({"data": reader}, fractions={"train": 1.0}, seed=0)
    assert NAMED in str(error.value) and says in str(error.value)


def test_errors_of_a_readers_own_stay_as_they_are():
    def refuse():
        raise DataError("a.csv:3 has no label")

    with pytest.raises(DataError, match=r"^a\.csv:3 has no label$"):
        DataSet({"data": Rows(refuse)}, fractions={"train": 1.0}, seed=0)


class Items(Stream):
    """Yields what it's given."""

    def __init__(self, *items):
        self.items = items

    def stream(self):
        yield from self.items


@pytest.mark.parametrize("item", [{"text": "a"}, None, ["a", 2]])
def test_broken_stream_is_named(item):
    nlp = spacy.blank("en")
    corpus = SequenceCorpus(
        {"train": Items("a", item)}, part="train", fractions={"train": 1.0}, seed=0
    )
    with pytest.raises(PluginError, match=r"Items returned .* a list of strings for each document"):
        list(corpus.sequences(nlp))


def test_corpus_that_yields_no_examples_is_named():
    with pytest.raises(PluginError, match=r"Given returned {'text': 'a'}, a dict, and should"):
        list(read_examples(Given([{"text": "a"}]), spacy.blank("en")))


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ("good", "returned 'good', a str, and should return a dictionary"),
        (KeyError("x"), "raised KeyError: 'x' while it scored 8 examples"),
    ],
)
def test_broken_scorer_is_named_with_its_component(scores, says):
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat").initialize(lambda: textcat_examples(nlp), nlp=nlp)
    nlp.get_pipe("textcat").scorer = offered(Given(scores))
    examples = textcat_examples(nlp)
    with pytest.raises(PluginError, match=f"{NAMED} {says}"), naming_scorer():
        nlp.evaluate(examples)


def test_component_that_fails_is_not_blamed_on_a_scorer():
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat").initialize(lambda: textcat_examples(nlp), nlp=nlp)
    examples = textcat_examples(nlp)
    # Docs that were never annotated break this one too.
    scorer = Given(lambda examples, **_: {"x": next(e.predicted.cats["pos"] for e in examples)})
    nlp.get_pipe("textcat").scorer = scorer
    nlp.get_pipe("textcat").predict = Given(KeyError("broken pipe"))
    with pytest.raises(KeyError, match="broken pipe"), naming_scorer():
        nlp.evaluate(examples)


@pytest.mark.parametrize("error", [MemoryError("full"), torch.OutOfMemoryError("full")])
def test_memory_that_is_used_up_is_nobodys_fault(error):
    tokenizer = WordTokenizer(spacy.blank("en").vocab, offered(Given(error)))
    with pytest.raises(type(error), match="full"):
        tokenizer("two words")
    with pytest.raises(type(error), match="full"), calling(Given(None), "encoder", "ran"):
        raise error
