"""The head for text classification pools and differentiates as it says."""

import pytest
import torch
from torch import nn

from seqpipe.errors import ConfigError
from seqpipe.parts.heads import TextClassifier, has_loss, loss_gradient

POOLS = ["last", "mean", "max", "attention"]


@pytest.mark.parametrize("pool", POOLS)
def test_text_scores_the_same_alone_and_in_a_batch(pool):
    torch.manual_seed(0)
    head = TextClassifier(4, 3, pool=pool).eval()
    inputs, lengths = torch.randn(6, 4), [2, 0, 3, 1]
    together = head(inputs, torch.tensor(lengths))
    alone = [head(x, torch.tensor([len(x)])) for x in inputs.split(lengths)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("pool", "expected"), [("last", [5.0, 0.0]), ("mean", [3.0, 1.0]), ("max", [5.0, 2.0])]
)
def test_pool_takes_what_its_name_says(pool, expected):
    head = TextClassifier(2, 2, pool=pool)
    head.output = nn.Identity()
    head.output.in_features = 2
    pooled = head(torch.tensor([[1.0, 2.0], [5.0, 0.0]]), torch.tensor([2]))
    assert pooled.tolist() == [expected]


def test_attention_is_a_weighted_mean():
    torch.manual_seed(0)
    head = TextClassifier(4, 2, pool="attention")
    nn.init.normal_(head.output.weight)
    inputs, lengths = torch.randn(5, 4), [3, 2]
    keys = head.pools[0].key(inputs).tanh().split(lengths)
    weights = [(head.pools[0].query(key)).softmax(0) for key in keys]
    pooled = [(w * x).sum(0) for w, x in zip(weights, inputs.split(lengths), strict=True)]
    found = head(inputs, torch.tensor(lengths))
    torch.testing.assert_close(found, head.output(torch.stack(pooled)))


def test_several_pools_stand_side_by_side():
    assert TextClassifier(4, 3, pool=["mean", "max", "attention"]).output.in_features == 12


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradient_is_that_of_cross_entropy(smoothing):
    torch.manual_seed(0)
    head = TextClassifier(2, 4, label_smoothing=smoothing)
    logits = torch.randn(3, 4, requires_grad=True)
    truths = torch.tensor([0, 3, 1])
    nn.functional.cross_entropy(logits, truths, label_smoothing=smoothing).backward()
    one_hot = nn.functional.one_hot(truths, 4).float()
    loss, gradient = loss_gradient(head, logits, one_hot, torch.ones(3))
    torch.testing.assert_close(gradient, logits.grad)
    expected = nn.functional.cross_entropy(logits, truths, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected.detach())


def test_gradient_of_independent_labels_is_that_of_binary_cross_entropy():
    head = TextClassifier(2, 3, exclusive=False)
    logits = torch.randn(2, 3, requires_grad=True)
    truths = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    loss = nn.functional.binary_cross_entropy_with_logits(logits, truths, reduction="sum") / 2
    loss.backward()
    found, gradient = loss_gradient(head, logits, truths, torch.ones(2))
    torch.testing.assert_close(gradient, logits.grad)
    torch.testing.assert_close(found, loss.detach())


def test_text_of_unknown_truth_has_no_gradient():
    head = TextClassifier(2, 3, label_smoothing=0.1)
    truths = torch.tensor([[torch.nan] * 3, [1.0, 0.0, 0.0]])
    _, gradient = loss_gradient(head, torch.zeros(2, 3), truths, torch.ones(2))
    assert not gradient[0].any() and gradient[1].any()


def test_exclusive_text_without_a_class_pushes_all_scores_down():
    # As spaCy's own text categorizer has it: the gradient is the scores minus the truths, whatever those are.
    head = TextClassifier(2, 3)
    _, gradient = loss_gradient(head, torch.zeros(1, 3), torch.zeros(1, 3), torch.ones(1))
    torch.testing.assert_close(gradient, torch.full((1, 3), 1 / 3))


def test_loss_that_is_no_scalar_is_named():
    class Several(TextClassifier):
        def loss(self, logits, truths, lengths):
            return logits.sum(1)

    with pytest.raises(TypeError, match=r"its loss is \[2\], and should be a scalar tensor"):
        loss_gradient(Several(2, 3), torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2))


def test_component_follows_the_settings():
    assert TextClassifier.component({}) == "textcat"
    assert TextClassifier.component({"exclusive": False}) == "textcat_multilabel"


@pytest.mark.parametrize(
    "settings",
    [
        {"pool": []},
        {"dropout": 1.0},
        {"label_smoothing": -0.1},
        {"label_smoothing": 0.1, "exclusive": False},
        {"dropout_samples": 0, "dropout": 0.5},
        {"dropout_samples": 2},
        {"focal": -1.0},
        {"focal": float("nan")},
        {"focal": 2.0, "label_smoothing": 0.1},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match="|".join(f"`{name}`" for name in settings)):
        TextClassifier(2, 2, **settings)


def test_loss_of_several_dropouts_is_the_mean_of_their_losses():
    torch.manual_seed(0)
    head = TextClassifier(4, 3, dropout=0.5, dropout_samples=5)
    nn.init.normal_(head.output.weight)
    logits = head(torch.randn(6, 4), torch.tensor([2, 0, 3, 1]))
    assert logits.shape == (5, 4, 3)
    # Each value is dropped by itself; the text without words has none.
    assert all(len(logits[:, text].unique(dim=0)) > 1 for text in (0, 2, 3))
    truths = torch.tensor([0, 2, 1, 1])
    each = [nn.functional.cross_entropy(sample, truths) for sample in logits]
    expected = sum(each) / 5
    assert not torch.isclose(expected, nn.functional.cross_entropy(logits.mean(0), truths))
    by_hand = torch.autograd.grad(expected, logits)[0]
    one_hot = nn.functional.one_hot(truths, 3).float()
    loss, gradient = loss_gradient(head, logits, one_hot, torch.ones(4))
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, by_hand)
    of_each = torch.stack([one_hot] * 5)
    torch.testing.assert_close(loss_gradient(head, logits, of_each, torch.ones(4))[1], by_hand)


def test_prediction_does_not_depend_on_samples_of_dropout():
    torch.manual_seed(0)
    once, often = (TextClassifier(4, 3, dropout=0.5, dropout_samples=n).eval() for n in (1, 5))
    nn.init.normal_(once.output.weight)
    often.load_state_dict(once.state_dict())
    batch = torch.randn(5, 4), torch.tensor([3, 2])
    assert torch.equal(once(*batch), often(*batch))
    assert often.train()(torch.zeros(0, 4), torch.tensor([], dtype=torch.int64)).shape == (5, 0, 3)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_loss_is_that_of_its_paper(gamma):
    torch.manual_seed(0)
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    truths = torch.tensor([0, 2, 1, 1])
    p = logits.softmax(1)[range(4), truths]
    expected = (-((1 - p) ** gamma) * p.log()).mean()
    expected.backward()
    one_hot = nn.functional.one_hot(truths, 3).double()
    loss, gradient = loss_gradient(
        TextClassifier(2, 3, focal=gamma), logits, one_hot, torch.ones(4)
    )
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, logits.grad)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_loss_of_independent_labels_is_summed_over_them(gamma):
    torch.manual_seed(0)
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    truths = torch.randint(2, (4, 3)).double()
    p = torch.where(truths == 1, logits.sigmoid(), 1 - logits.sigmoid())
    expected = (-((1 - p) ** gamma) * p.log()).sum() / 4
    expected.backward()
    head = TextClassifier(2, 3, focal=gamma, exclusive=False)
    loss, gradient = loss_gradient(head, logits, truths, torch.ones(4))
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, logits.grad)
    # spaCy gives the score for the truth of a label that a text doesn't tell.
    truths[1, 2] = logits[1, 2].sigmoid()
    gradient = loss_gradient(head, logits, truths, torch.ones(4))[1]
    assert not gradient[1, 2] and gradient[1, 1]


@pytest.mark.parametrize("exclusive", [True, False])
def test_focal_loss_without_focus_is_cross_entropy(exclusive):
    logits, truths = torch.randn(4, 3), torch.eye(3)[[0, 1, 2, 0]]
    plain, focal = (TextClassifier(2, 3, exclusive=exclusive, focal=f) for f in (0.0, 1e-12))
    for left, right in zip(
        loss_gradient(plain, logits, truths, torch.ones(4)),
        loss_gradient(focal, logits, truths, torch.ones(4)),
        strict=True,
    ):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("exclusive", [True, False])
def test_focal_loss_is_finite_where_scores_are_certain(exclusive):
    head = TextClassifier(2, 3, exclusive=exclusive, focal=0.5)
    logits = torch.tensor([[1e4, 0.0, -1e4], [-1e4, 0.0, 1e4], [50.0, -50.0, -50.0]])
    loss, gradient = loss_gradient(head, logits, torch.eye(3)[[0, 0, 0]], torch.ones(3))
    assert loss.isfinite() and gradient.isfinite().all()
    assert gradient[1, 0] < 0 and not gradient[2].any()


def test_text_without_a_class_counts_fully_in_the_focal_loss():
    head = TextClassifier(2, 3, focal=2.0)
    _, gradient = loss_gradient(head, torch.zeros(1, 3), torch.zeros(1, 3), torch.ones(1))
    torch.testing.assert_close(gradient, torch.full((1, 3), 1 / 3))


def test_older_head_with_a_method_called_loss_is_trained_by_its_gradient():
    class Older(TextClassifier):
        def loss(self, logits, truths):
            return 17

        def grad_logits(self, scores, grad_scores):
            return grad_scores

    assert has_loss(TextClassifier(2, 3)) and not has_loss(Older(2, 3))
