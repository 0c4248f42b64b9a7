"""Encoders that break one sentence of the contract each."""

import secrets

import torch
from testing.broken_cells import Doubled
from torch import nn

from seqpipe.parts.encoders import Encoder


class Good(Encoder):
    """A linear map of each vector and the mean of its sequence."""

    def __init__(self, input_width: int, *, width: int = 8) -> None:
        super().__init__()
        self.input_width = input_width
        self.width = width
        self.map = nn.Linear(2 * input_width, width)

    def forward(self, inputs, lengths):
        means = [part.mean(0, keepdim=True).expand_as(part) for part in self.split(inputs, lengths)]
        together = torch.cat([inputs, torch.cat([inputs[:0], *means])], dim=1)
        return self.change(self.map(together).tanh(), lengths)

    def split(self, inputs, lengths):
        return inputs.split(lengths.tolist())

    def change(self, outputs, lengths):
        return outputs


class WidthByPosition(Good):
    """Takes its width where the host gives none."""

    def __init__(self, input_width: int, width: int = 8) -> None:
        super().__init__(input_width, width=width)


class NoWidth(Good):
    """Has no setting for its width."""

    def __init__(self, input_width: int) -> None:
        super().__init__(input_width)


class OtherWidth(Good):
    """Says that it's wider than it was made."""

    def __init__(self, input_width: int, *, width: int = 8) -> None:
        super().__init__(input_width, width=width)
        self.width = width + 1


class Undocumented(Good):
    def change(self, outputs, lengths):
        return -outputs


class ChangesInputs(Good):
    """Writes into the vectors."""

    def forward(self, inputs, lengths):
        outputs = super().forward(inputs, lengths)
        inputs.data.mul_(0.5)
        return outputs


class ChangesLengths(Good):
    """Writes into the lengths."""

    def forward(self, inputs, lengths):
        outputs = super().forward(inputs, lengths)
        lengths.clamp_(max=1)
        return outputs


class OneForEachSequence(Good):
    """Returns a row for each sequence."""

    def change(self, outputs, lengths):
        return torch.stack([part.mean(0) for part in outputs.split(lengths.tolist())])


class Padded(Good):
    """Returns sequences side by side, padded."""

    def change(self, outputs, lengths):
        return nn.utils.rnn.pad_sequence(outputs.split(lengths.tolist()))


class Remembers(Good):
    """Adds how often it was called."""

    calls = 0

    def change(self, outputs, lengths):
        self.calls += 1
        return outputs + 0.1 * self.calls


class Spread(Good):
    """Divides by the spread of a sequence, of which a single vector has none."""

    def change(self, outputs, lengths):
        parts = outputs.split(lengths.tolist())
        return torch.cat([outputs[:0], *(part / (1 + part.std(0)) for part in parts)])


class FirstOfEach(Good):
    """Looks at the first vector of a sequence that may have none."""

    def change(self, outputs, lengths):
        for part in outputs.split(lengths.tolist()):
            part[0]
        return outputs


class Leaks(Good):
    """Adds a bit of the vector before, be it another sequence's."""

    def change(self, outputs, lengths):
        return outputs + 0.1 * outputs.roll(1, 0)


class LongestCounts(Good):
    """Divides by the length of the longest sequence in the batch."""

    def change(self, outputs, lengths):
        return outputs / (int(lengths.max()) if len(lengths) else 1) if len(outputs) else outputs


class HiddenWeights(Good):
    """Keeps weights where torch doesn't look."""

    def __init__(self, input_width: int, *, width: int = 8) -> None:
        super().__init__(input_width, width=width)
        self.layers = [nn.Linear(width, width)]

    def change(self, outputs, lengths):
        return self.layers[0](outputs)


class HoldsAFunction(Good):
    """Keeps a function that can't be pickled."""

    def __init__(self, input_width: int, *, width: int = 8) -> None:
        super().__init__(input_width, width=width)
        self.activation = lambda values: values.tanh()

    def change(self, outputs, lengths):
        return self.activation(outputs)


class Float32Only(Good):
    """Adds up in float32."""

    def change(self, outputs, lengths):
        return outputs.float()


class OnTheCpu(Good):
    """Makes a tensor wherever torch makes one."""

    def change(self, outputs, lengths):
        return outputs + torch.ones(self.width, dtype=outputs.dtype)


class UnusedWeights(Good):
    """Has weights that nothing depends on."""

    def __init__(self, input_width: int, *, width: int = 8) -> None:
        super().__init__(input_width, width=width)
        self.unused = nn.Linear(width, width)


class WrongGradient(Good):
    """Has a gradient of its own that's wrong."""

    def change(self, outputs, lengths):
        return Doubled.apply(outputs)


class ChangesItsGates(Good):
    """Writes over what its gradient needs, in training."""

    def change(self, outputs, lengths):
        gates = outputs.sigmoid()
        changed = outputs * gates
        if self.training:
            gates.mul_(0.5)
        return changed


class NoShortOnesInTraining(Good):
    """Can't do without a vector in training."""

    def change(self, outputs, lengths):
        if self.training and not all(lengths.tolist()):
            raise ValueError("an empty sequence")
        return outputs


class AnyWidth(Good):
    """Has no width until it's given one."""

    def __init__(self, input_width: int, *, width: int | None = None) -> None:
        super().__init__(input_width, width=width or input_width)


class UnseededWeights(Good):
    """Draws its weights from elsewhere than torch."""

    def __init__(self, input_width: int, *, width: int = 8) -> None:
        super().__init__(input_width, width=width)
        with torch.no_grad():
            self.map.bias.fill_(secrets.randbelow(10**6) / 10**6)


BROKEN = {
    "can_be_made": [WidthByPosition, NoWidth, OtherWidth, AnyWidth],
    "is_documented": [Undocumented],
    "leaves_its_input_alone": [ChangesInputs, ChangesLengths],
    "output_has_its_shape": [OneForEachSequence, Padded],
    "keeps_nothing_between_calls": [Remembers],
    "reads_lengths_of_0_and_1": [Spread, FirstOfEach],
    "same_alone_as_beside_others": [Leaks, LongestCounts],
    "state_dict_holds_everything": [HiddenWeights],
    "survives_pickling": [HoldsAFunction],
    "follows_the_dtype": [Float32Only],
    "follows_the_device": [OnTheCpu],
    "every_parameter_gets_a_gradient": [UnusedWeights],
    "gradients_are_right": [WrongGradient],
    "same_seed_same_result": [UnseededWeights],
    "learns_batch_after_batch": [ChangesItsGates, NoShortOnesInTraining],
}


class Transformer(Good):
    """Attends to the words of a sequence, padded in between, as most people would write it."""

    def __init__(self, input_width: int, *, width: int = 8) -> None:
        super().__init__(input_width, width=width)
        self.layer = nn.TransformerEncoderLayer(width, 1, 2 * width, dropout=0.1, batch_first=True)

    def change(self, outputs, lengths):
        if not len(outputs):
            return outputs
        padded = nn.utils.rnn.pad_sequence(outputs.split(lengths.tolist()), batch_first=True)
        there = (
            torch.arange(padded.shape[1], device=padded.device) < lengths.to(padded.device)[:, None]
        )
        # Of an empty sequence the first place is attended to, and dropped.
        some = there.clone()
        some[:, 0] = True
        return self.layer(padded, src_key_padding_mask=~some)[there]


GOOD = [Good, Transformer]
HELPERS = set()
