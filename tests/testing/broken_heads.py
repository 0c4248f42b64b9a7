"""Heads that break one sentence of the contract each."""

import functools
import secrets

import torch
from testing.broken_cells import Doubled
from torch import nn

from seqpipe.errors import ConfigError
from seqpipe.parts.heads import Head, TextClassifier


class Good(Head):
    """The sum of the vectors, and a linear layer."""

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__()
        self.input_width = input_width
        self.output = nn.Linear(input_width, output_width)

    @classmethod
    def component(cls, settings):
        return "textcat"

    def forward(self, inputs, lengths):
        sums = [self.pool(part) for part in inputs.split(lengths.tolist())]
        together = torch.stack(sums) if sums else inputs.new_zeros(0, self.input_width)
        return self.change(self.output(together), inputs, lengths)

    def pool(self, part):
        return part.sum(0)

    def change(self, logits, inputs, lengths):
        return logits

    def scores(self, logits):
        return logits.softmax(1)

    def grad_logits(self, scores, grad_scores):
        return grad_scores


class ManyLabels(Good):
    """Gives each class a probability of its own."""

    @classmethod
    def component(cls, settings):
        return "textcat_multilabel"

    def scores(self, logits):
        return logits.sigmoid()


class ForTheTagger(Good):
    """Serves a component whose scores are no probabilities; that's allowed."""

    @classmethod
    def component(cls, settings):
        return "tagger"

    def scores(self, logits):
        return logits


class OneSize(Good):
    """Takes one size where the host gives two."""

    def __init__(self, input_width: int, *, classes: int = 2) -> None:
        super().__init__(input_width, classes)


class NoHead(nn.Linear):
    """Isn't a head at all."""

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__(input_width, output_width)


class Undocumented(Good):
    def change(self, logits, inputs, lengths):
        return -logits


class UnknownComponent(Good):
    """Serves a component that spaCy doesn't have."""

    @classmethod
    def component(cls, settings):
        return "text_classifier"


class ChangesInputs(Good):
    """Writes into the vectors."""

    def change(self, logits, inputs, lengths):
        inputs.data.mul_(0.5)
        return logits


class OneForEachWord(Good):
    """Returns a row for each vector."""

    def forward(self, inputs, lengths):
        return self.output(inputs)


class Remembers(Good):
    """Adds how often it was called."""

    calls = 0

    def change(self, logits, inputs, lengths):
        self.calls += 1
        return logits + 0.1 * self.calls


class Mean(Good):
    """Divides by a length that may be 0."""

    def pool(self, part):
        return part.mean(0)


class Maximum(Good):
    """Looks for the greatest of values that there may be none of."""

    def pool(self, part):
        return part.amax(0)


class NoTexts(Good):
    """Can't do without a text."""

    def forward(self, inputs, lengths):
        return self.output(torch.stack([part.sum(0) for part in inputs.split(lengths.tolist())]))


class Normalised(Good):
    """Takes the mean over the batch off."""

    def change(self, logits, inputs, lengths):
        return logits - 0.5 * logits.mean(0, keepdim=True)


class HiddenWeights(Good):
    """Keeps weights where torch doesn't look."""

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__(input_width, output_width)
        self.scale = torch.randn(output_width)

    def change(self, logits, inputs, lengths):
        return logits * self.scale


class HoldsAFunction(Good):
    """Keeps a function that can't be pickled."""

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__(input_width, output_width)
        self.activation = lambda values: values.tanh()

    def change(self, logits, inputs, lengths):
        return self.activation(logits)


class Float32Only(Good):
    """Returns float32 always."""

    def change(self, logits, inputs, lengths):
        return logits.float()


class OnTheCpu(Good):
    """Makes a tensor wherever torch makes one."""

    def change(self, logits, inputs, lengths):
        return logits + torch.ones(logits.shape[1], dtype=logits.dtype)


class UnusedWeights(Good):
    """Has weights that nothing depends on."""

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__(input_width, output_width)
        self.unused = nn.Linear(2, 2)


class WrongGradient(Good):
    """Has a gradient of its own that's wrong."""

    def change(self, logits, inputs, lengths):
        return Doubled.apply(logits)


class ChangesItsGates(Good):
    """Writes over what its gradient needs, in training."""

    def change(self, logits, inputs, lengths):
        gates = logits.sigmoid()
        changed = logits * gates
        if self.training:
            gates.mul_(0.5)
        return changed


def function(input_width: int, output_width: int):
    """Make a head, and doesn't know for what."""
    return Good(input_width, output_width)


class UnseededWeights(Good):
    """Draws its weights from elsewhere than torch."""

    def __init__(self, input_width: int, output_width: int) -> None:
        super().__init__(input_width, output_width)
        with torch.no_grad():
            self.output.bias.fill_(secrets.randbelow(10**6) / 10**6)


class BestClassOnly(Good):
    """Returns a score for each text, rather than for each class."""

    def scores(self, logits):
        return logits.softmax(1).amax(1)


class Samples(Good):
    """Returns several samples in training, with no loss to take the mean of."""

    def change(self, logits, inputs, lengths):
        return torch.stack([logits, logits]) if self.training else logits

    def scores(self, logits):
        return logits.softmax(-1)


class Logits(Good):
    """Returns what it was given, which are no probabilities."""

    def scores(self, logits):
        return logits

    def grad_logits(self, scores, grad_scores):
        return 0.1 * grad_scores


class SigmoidForExclusive(Good):
    """Gives exclusive classes probabilities that don't add up."""

    def scores(self, logits):
        return logits.sigmoid()


class Uphill(Good):
    """Returns the gradient with the wrong sign."""

    def grad_logits(self, scores, grad_scores):
        return -grad_scores


class NoGradient(Good):
    """Returns no gradient to speak of."""

    def grad_logits(self, scores, grad_scores):
        return torch.zeros_like(grad_scores)


BROKEN = {
    "can_be_made": [OneSize, NoHead],
    "is_documented": [Undocumented],
    "names_its_component": [UnknownComponent, function],
    "leaves_its_input_alone": [ChangesInputs],
    "output_has_its_shape": [OneForEachWord],
    "keeps_nothing_between_calls": [Remembers],
    "reads_lengths_of_0_and_1": [Mean, Maximum, NoTexts],
    "same_alone_as_beside_others": [Normalised],
    "state_dict_holds_everything": [HiddenWeights],
    "survives_pickling": [HoldsAFunction],
    "follows_the_dtype": [Float32Only],
    "follows_the_device": [OnTheCpu],
    "every_parameter_gets_a_gradient": [UnusedWeights],
    "gradients_are_right": [WrongGradient],
    "same_seed_same_result": [UnseededWeights],
    "learns_batch_after_batch": [ChangesItsGates],
    "scores_have_their_shape": [BestClassOnly, Samples],
    "scores_are_probabilities": [Logits, SigmoidForExclusive],
    "gradient_leads_to_the_truth": [Uphill, NoGradient],
}


class Light(Good):
    """Weighs its loss by a hundredth."""

    def grad_logits(self, scores, grad_scores):
        return 0.01 * grad_scores


class Single(ManyLabels):
    """Takes a single class."""

    def __init__(self, input_width: int, output_width: int) -> None:
        if output_width != 1:
            raise ConfigError("it has one class only")
        super().__init__(input_width, output_width)


GOOD = [
    *(Good, ManyLabels, ForTheTagger, Light, Single),
    functools.partial(TextClassifier, exclusive=False),
]
HELPERS = set()
