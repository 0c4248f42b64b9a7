"""What units cost, by their probabilities, and the model that they come from."""

import math

import pytest
import torch

from seqpipe.errors import ConfigError, DataError, NotFiniteError, SavedModelError
from seqpipe.parts.cells import GRU, LSTM, RNN
from seqpipe.parts.language_models import (
    Encoded,
    Fitting,
    LanguageModel,
    TrainedModel,
    Units,
    Vocabulary,
    _score,
    choose_cutoffs,
    fit,
    measure,
    surprisals,
)

TEXTS = [[2, 3, 4, 2], [], [5], [3, 1, 6, 7, 2, 2, 8]]


def made(size=12, **settings):
    torch.manual_seed(2)
    model = LanguageModel(size, width=6, **settings)
    for each in model.parameters():
        torch.nn.init.normal_(each, std=0.5)
    return model.eval()


def one_by_one(model, text):
    """Return what the units of a text cost, and its end, each by a call of its own."""
    found, states = [], None
    for read, wanted in zip([0, *text], [*text, 0], strict=True):
        hidden, states = model(torch.tensor([read]), torch.tensor([1]), states)
        found.append(-model.output.log_probabilities(hidden)[0, wanted].item() / math.log(2))
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tied": False, "layers": 2},
        {"cell": GRU},
        {"cell": RNN, "tied": False, "embedding_width": 3},
        {"cutoffs": [4, 8]},
    ],
    ids=str,
)
def test_costs_are_minus_the_binary_logarithm_of_probabilities(settings, monkeypatch):
    monkeypatch.setattr(_score, "_MAX_STEPS", 3)
    monkeypatch.setattr(_score, "_MAX_ROWS", 2)
    model = made(**settings)
    for text, found in zip(TEXTS, surprisals(model, TEXTS), strict=True):
        expected = torch.tensor(one_by_one(model, text)).double()
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_probabilities_of_adaptive_softmax_add_up_to_one():
    logs = made(cutoffs=[4, 8]).output.log_probabilities(torch.randn(3, 6))
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(3))


def test_text_costs_the_same_alone_and_among_others(monkeypatch):
    monkeypatch.setattr(_score, "_MAX_TEXTS", 3)
    model = made()
    together = surprisals(model, TEXTS)
    for text, found in zip(TEXTS, together, strict=True):
        torch.testing.assert_close(surprisals(model, [text])[0], found)


def test_figures_count_the_ends_of_texts():
    model = made()
    figures = measure(model, [Encoded(text, 2 * len(text) + 1) for text in TEXTS])
    bits = sum(float(each.sum()) for each in surprisals(model, TEXTS))
    assert figures.units == 16 and figures.characters == 28
    assert figures.perplexity == pytest.approx(2 ** (bits / 16))
    assert figures.bits_per_character == pytest.approx(bits / 28)
    assert figures.loss == pytest.approx(math.log(figures.perplexity))


def test_measuring_leaves_the_mode_and_draws_no_dropout():
    model = made(dropout=0.9).train()
    first = measure(model, [Encoded([2, 3], 3)])
    assert model.training and first == measure(model, [Encoded([2, 3], 3)])


def test_backward_model_is_the_forward_one_of_the_mirrored_text():
    vocabulary, model = Vocabulary("abcd"), made(6)
    forward = TrainedModel(vocabulary, model, direction="forward")
    backward = TrainedModel(vocabulary, model, direction="backward")
    (there,), (back,) = forward.surprisals(["abxd"]), backward.surprisals(["dxba"])
    assert back == [*there[3::-1], there[4]]


def test_backward_training_is_the_forward_one_of_mirrored_texts():
    losses = []
    for direction, texts in (("forward", ["abcab", "dd"]), ("backward", ["bacba", "dd"])):
        torch.manual_seed(0)
        model = TrainedModel(Vocabulary("abcd"), LanguageModel(6, width=4), direction=direction)
        units = [Units(text, len(text) + 1) for text in texts]
        fitting = Fitting(epochs=2, sequence_length=3, batch_size=2)
        losses.append([step.loss for step in model.fit(units, [], fitting)])
    assert losses[0] == losses[1]


def test_training_begins_at_the_frequencies_of_the_units():
    counts = torch.tensor([2, 0, 8, 4, 1, 1, 1, 1, 1, 1, 1, 1])
    zeros = torch.zeros(1, 6)
    for settings in ({"tied": False}, {"cutoffs": [4, 8]}):
        model = made(**settings)
        model.output.begin_at(counts)
        found = model.output.log_probabilities(zeros).exp()[0, :4]
        shares = counts.clamp(min=1)[:4] / (counts.clamp(min=1).sum())
        torch.testing.assert_close(found, shares)


def test_vocabulary_is_ordered_by_frequency_and_has_an_unknown_unit():
    vocabulary = Vocabulary.of(["banana", "bab!"], min_count=2, most=None)
    assert vocabulary.units == ("a", "b", "n") and len(vocabulary) == 5
    assert vocabulary.encode("nx!a") == [4, 1, 1, 2]
    assert Vocabulary.of(["banana"], min_count=2, most=1).units == ("a",)
    assert Vocabulary.of(["ab"], min_count=2, most=None).units == ("a", "b")


@pytest.mark.parametrize(("texts", "said"), [([], "nothing"), ([""], "nothing"), (["aa"], "'a'")])
def test_nothing_is_learned_from_fewer_than_two_units(texts, said):
    with pytest.raises(DataError, match=said):
        Vocabulary.of(texts, min_count=1, most=None)


def test_cutoffs_are_chosen_by_the_size_of_the_vocabulary():
    assert choose_cutoffs("auto", 5_000) == ()
    assert choose_cutoffs("auto", 5_001) == (2_000,)
    assert choose_cutoffs("auto", 60_000) == (2_000, 10_000, 50_000)
    assert choose_cutoffs([], 60_000) == ()
    for wrong in ([5, 5], [9, 4], [0, 3], [11]):
        with pytest.raises(ConfigError, match="`cutoffs`"):
            choose_cutoffs(wrong, 12)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"layers": 0}, "layers"),
        ({"dropout": 1.0}, "dropout"),
        ({"embedding_width": 3}, "embedding_width"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings, named):
    with pytest.raises(ConfigError, match=f"`{named}`"):
        LanguageModel(12, width=6, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"sequence_length": 0},
        {"epochs": 0},
        {"learn_rate": -1.0},
        {"seconds": 0.0},
        {"warmup": 1.0},
    ],
    ids=str,
)
def test_fittings_out_of_bounds_are_refused(settings):
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}`"):
        Fitting(**settings)


def test_numbers_that_are_not_finite_end_the_training():
    model = made()
    with torch.no_grad():
        model.embedding.weight[3] = math.nan
    with pytest.raises(NotFiniteError, match="in step 1"):
        list(fit(model, [Encoded([3, 4], 3)], [], Fitting()))
    with pytest.raises(NotFiniteError, match="aren't finite"):
        measure(model, [Encoded([3, 4], 3)])


def make(size):
    return LanguageModel(size, cell=LSTM, width=5)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_what_is_saved_is_read_again(direction, tmp_path):
    model = TrainedModel(Vocabulary(["a", "\ud800", "c"]), make(5), direction=direction)
    model.to_disk(tmp_path)
    again = TrainedModel.from_disk(tmp_path, make)
    assert again.surprisals(["ac", "ca"]) == model.surprisals(["ac", "ca"])
    assert again.generate("a", length=20, seed=1) == model.generate("a", length=20, seed=1)


def test_weights_of_another_network_are_refused(tmp_path):
    TrainedModel(Vocabulary("abc"), make(5), direction="forward").to_disk(tmp_path)
    with pytest.raises(SavedModelError, match="another network"):
        TrainedModel.from_disk(tmp_path, lambda size: LanguageModel(size, width=6))


def test_frequencies_predict_each_unit_by_its_share_of_the_train_part():
    vocabulary = Vocabulary("abc")
    trained = TrainedModel(vocabulary, LanguageModel(len(vocabulary), width=4), direction="forward")
    # Ends 3, a 4, b 1; c and the unknown unit count as if they occurred once: 10 in all.
    found = trained.by_frequencies(
        [Units("aab", 4), Units("aa", 3)], [Units("ac", 3), Units("", 1)]
    )
    expected = -math.log2(0.4) - math.log2(0.1) - 2 * math.log2(0.3)
    assert found.bits == pytest.approx(expected, rel=1e-6)
    assert (found.units, found.characters) == (4, 4)
