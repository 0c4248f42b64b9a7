"""A language model as a component: what it says of docs, what it writes, how it's saved."""

import math
import pickle

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters import language_model_in, make_sequences
from seqpipe.errors import ConfigError, DataError, LanguageModelError, SavedModelError
from seqpipe.parts.readers import Stream

LINES = ["the cat sat on the mat .", "a cat  sat", "the dog sat on a cat", "dogs and cats"] * 3
SMALL = {"width": 8, "epochs": 2, "batch_size": 2, "sequence_length": 8, "min_count": 1}


class Lines(Stream):
    def stream(self):
        return iter(LINES)


def fitted(**settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("seqpipe_language_model", name="language_model", config={**SMALL, **settings})
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc(line), {}) for line in LINES])
    return nlp


@pytest.fixture(scope="module")
def characters():
    return fitted()


@pytest.fixture(scope="module")
def words():
    return fitted(unit="word", tied=False, embedding_width=5, layers=2)


def unit_by_unit(pipe, units):
    """Return what units and the end cost, in bits, by a softmax for each."""
    trained, costs, states = pipe.trained, [], None
    numbers = trained.vocabulary.encode(units)
    for read, wanted in zip([0, *numbers], [*numbers, 0], strict=True):
        hidden, states = trained.model(torch.tensor([read]), torch.tensor([1]), states)
        logs = trained.model.output.log_probabilities(hidden)[0]
        costs.append(-logs[wanted].item() / math.log(2))
    return costs


def test_token_costs_what_its_characters_and_its_blank_do(characters):
    doc = characters("A new cat.")
    costs = unit_by_unit(language_model_in(characters), "A new cat.")
    expected = [sum(costs[:2]), sum(costs[2:6]), sum(costs[6:9]), costs[9]]
    assert [token._.surprisal for token in doc] == pytest.approx(expected, abs=1e-4)
    assert doc._.perplexity == pytest.approx(2 ** (sum(costs) / 11), rel=1e-4)
    assert doc._.bits_per_character == pytest.approx(sum(costs) / 11, rel=1e-4)


def test_token_costs_what_the_word_does_and_white_space_nothing(words):
    doc = words("the  cat zzz")
    costs = unit_by_unit(language_model_in(words), ["the", "cat", "zzz"])
    assert [token.text for token in doc] == ["the", " ", "cat", "zzz"]
    found = [token._.surprisal for token in doc]
    assert found == pytest.approx([costs[0], 0, *costs[1:3]], abs=1e-4)
    assert doc._.perplexity == pytest.approx(2 ** (sum(costs) / 4), rel=1e-4)
    assert doc._.bits_per_character == pytest.approx(sum(costs) / 13, rel=1e-4)


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_docs_cost_the_same_in_any_batch(unit, request):
    nlp = request.getfixturevalue(unit)
    texts = ["a cat", "", "the dog sat on the mat . " * 20, "x", "dogs"]
    for size in (1, 3, 64):
        for text, doc in zip(texts, nlp.pipe(texts, batch_size=size), strict=True):
            alone = nlp(text)
            assert doc._.perplexity == pytest.approx(alone._.perplexity, rel=1e-4)
            found, expected = ([t._.surprisal for t in each] for each in (doc, alone))
            assert found == pytest.approx(expected, rel=1e-4)


def test_backward_model_adds_up_to_the_costs_of_the_mirrored_text():
    nlp = fitted(direction="backward")
    pipe = language_model_in(nlp)
    costs = unit_by_unit(pipe, "a cat"[::-1])
    expected = [costs[4] + costs[3], sum(costs[:3])]
    assert [t._.surprisal for t in nlp("a cat")] == pytest.approx(expected, abs=1e-4)
    assert pipe.generate("mat", length=5, seed=1).endswith("mat")


def test_loss_is_the_mean_in_nats_of_strings_and_docs(words):
    pipe = language_model_in(words)
    texts = ["the cat", "a dog sat"]
    costs = [unit_by_unit(pipe, text.split()) for text in texts]
    expected = sum(map(sum, costs)) / 7 * math.log(2)
    assert pipe.loss(texts) == pytest.approx(expected, rel=1e-4)
    assert pipe.loss(map(words.make_doc, texts)) == pytest.approx(expected, rel=1e-4)


def test_text_begins_with_its_prompt_and_words_are_joined_by_blanks(characters, words):
    for nlp in (characters, words):
        pipe = language_model_in(nlp)
        text = pipe.generate("the cat", length=6, seed=3)
        assert text.startswith("the cat") and text == pipe.generate("the cat", length=6, seed=3)
    assert len(text.split()) <= 8 and "  " not in text
    with pytest.raises(ConfigError, match="`top_k`"):
        pipe.generate(top_k=0)


def test_examples_are_scored(characters):
    example = Example.from_dict(characters.make_doc("a cat"), {})
    scores = language_model_in(characters).score([example])
    assert scores["perplexity"] == pytest.approx(characters("a cat")._.perplexity, rel=1e-4)


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_spacy_measures_the_texts_that_were_learned(unit, request):
    nlp = request.getfixturevalue(unit)
    corpus = make_sequences("test", {"test": 1.0}, data=Lines())
    scores, measured = nlp.evaluate(corpus(nlp)), language_model_in(nlp).measure(LINES)
    assert scores["perplexity"] == pytest.approx(measured.perplexity, rel=1e-4)
    assert scores["bits_per_character"] == pytest.approx(measured.bits_per_character, rel=1e-4)


def test_one_text_is_not_taken_for_many(characters):
    pipe = language_model_in(characters)
    for text in ("a cat", characters.make_doc("a cat")):
        assert pipe.measure(text) == pipe.measure(["a cat"])
        assert pipe.loss(text) == pipe.loss(["a cat"])


def test_nothing_has_no_figures(characters):
    pipe = language_model_in(characters)
    for measure in (pipe.measure, pipe.loss):
        with pytest.raises(DataError, match="no text"):
            measure([])
    assert not {"perplexity", "bits_per_character"} & set(characters.evaluate([]))


def same(one, other):
    assert one("a cat")._.perplexity == other("a cat")._.perplexity
    written = [language_model_in(nlp).generate("a", length=9, seed=2) for nlp in (one, other)]
    assert written[0] == written[1]


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_saved_pipeline_says_and_writes_the_same(unit, request, tmp_path):
    nlp = request.getfixturevalue(unit)
    nlp.to_disk(tmp_path / "model")
    same(nlp, spacy.load(tmp_path / "model"))
    again = spacy.blank("en").from_config(nlp.config)
    same(nlp, again.from_bytes(nlp.to_bytes()))


@pytest.mark.parametrize("name", ["language-model.json", "units.json", "weights.safetensors"])
def test_damaged_model_is_refused(name, characters, tmp_path):
    characters.to_disk(tmp_path / "model")
    file = tmp_path / "model" / "language_model" / name
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(SavedModelError):
        spacy.load(tmp_path / "model")


def test_component_can_be_pickled_for_other_processes(characters):
    pipe = pickle.loads(pickle.dumps(language_model_in(characters)))
    assert pipe.generate("a", length=9, seed=2) == language_model_in(characters).generate(
        "a", length=9, seed=2
    )


def test_untrained_model_says_so_and_is_saved_as_such(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("seqpipe_language_model", config=SMALL)
    with pytest.raises(LanguageModelError, match="hasn't been trained"):
        nlp("a cat")
    nlp.to_disk(tmp_path / "model")
    with pytest.raises(LanguageModelError, match="hasn't been trained"):
        language_model_in(spacy.load(tmp_path / "model")).generate()


def untrained():
    nlp = spacy.blank("en")
    nlp.add_pipe("seqpipe_language_model", name="language_model", config=SMALL)
    return nlp


def test_untrained_model_replaces_a_trained_one(characters, tmp_path):
    characters.to_disk(tmp_path / "model")
    untrained().to_disk(tmp_path / "model")
    assert language_model_in(spacy.load(tmp_path / "model")).trained is None
    for load in (
        lambda nlp: nlp.from_disk(tmp_path / "model"),
        lambda nlp: nlp.from_bytes(untrained().to_bytes()),
    ):
        nlp = untrained().from_bytes(characters.to_bytes())
        assert language_model_in(load(nlp)).trained is None


def test_empty_folder_is_that_of_an_untrained_model(tmp_path):
    assert untrained().get_pipe("language_model").from_disk(tmp_path).trained is None


def test_missing_folder_is_named(characters, tmp_path):
    characters.to_disk(tmp_path / "model", exclude=["language_model"])
    with pytest.raises(SavedModelError, match=r"language_model is missing"):
        spacy.load(tmp_path / "model")
    assert spacy.load(tmp_path / "model", exclude=["language_model"]).pipe_names == []


def test_pipeline_without_a_language_model_says_so():
    with pytest.raises(LanguageModelError, match="no language model"):
        language_model_in(spacy.blank("en"))


def test_nothing_to_learn_from_is_an_error():
    nlp = spacy.blank("en")
    nlp.add_pipe("seqpipe_language_model", config=SMALL)
    doc = Doc(nlp.vocab, words=["a"], spaces=[False])
    with pytest.raises(DataError, match="only 'a'"):
        nlp.initialize(lambda: [Example(doc, doc)])


@pytest.mark.parametrize(
    "settings",
    [
        {"min_count": 0},
        {"max_vocabulary": 0},
        {"width": 0},
        {"embedding_width": 3},
        {"embedding_width": 0},
    ],
)
def test_settings_out_of_bounds_are_refused(settings):
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}`"):
        spacy.blank("en").add_pipe("seqpipe_language_model", config=settings)
