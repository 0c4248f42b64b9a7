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
    head = TextClassifier(2, 2, pool="attention")
    same = torch.ones(3, 2)
    torch.testing.assert_close(head.pools[0](same), torch.ones(2))


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
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError):
        TextClassifier(2, 2, **settings)


def test_older_head_with_a_method_called_loss_is_trained_by_its_gradient():
    class Older(TextClassifier):
        def loss(self, logits, truths):
            return 17

        def grad_logits(self, scores, grad_scores):
            return grad_scores

    assert has_loss(TextClassifier(2, 3)) and not has_loss(Older(2, 3))
