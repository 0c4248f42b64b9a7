"""Cells that break one sentence of the contract each."""

import itertools
import secrets

import torch
from torch import nn

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import LSTM, Cell, GatedCell


class Good(Cell):
    """h' = tanh(W [x, h])."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__()
        self.input_width = input_width
        self.width = width
        self.map = nn.Linear(input_width + width, width)

    def initial_state(self, batch_size, like):
        return (like.new_zeros(batch_size, self.width),)

    def forward(self, input, state):
        h = self.change(self.map(torch.cat([input, state[0]], dim=1)).tanh(), input, state)
        return h, (h,)

    def change(self, h, input, state):
        return h


class SettingsByPosition(Good):
    """Takes a setting where the host gives sizes."""

    def __init__(self, input_width: int, width: int, bias: float = 0.0) -> None:
        super().__init__(input_width, width)


class SettingWithoutType(Good):
    """Doesn't say what its setting takes."""

    def __init__(self, input_width: int, width: int, *, bias=0.0) -> None:
        super().__init__(input_width, width)


class OtherWidth(Good):
    """Says that it's wider than it was made."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.width = width + 1


class NoCell(nn.Linear):
    """Isn't a cell at all."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)


class Undocumented(Good):
    def change(self, h, input, state):
        return -h


class BareState(Good):
    """Returns its single state without a tuple."""

    def forward(self, input, state):
        h, _ = super().forward(input, state)
        return h, h


class GrowingState(Good):
    """Returns a state that's wider than the one it was given."""

    def forward(self, input, state):
        h, _ = super().forward(input, (state[0][:, : self.width],))
        return h, (torch.cat([state[0], h], dim=1),)


class StateOnly(Good):
    """Returns the state alone."""

    def forward(self, input, state):
        return super().forward(input, state)[1]


class ChangesState(Good):
    """Writes into the state that it was given."""

    def forward(self, input, state):
        h, _ = super().forward(input, state)
        with torch.no_grad():
            state[0].mul_(0.5)
        return h, (h,)


class ChangesInput(Good):
    """Writes into its input."""

    def forward(self, input, state):
        output = super().forward(input, state)
        input.data.clamp_(-1e-3, 1e-3)
        return output


class WideOutput(Good):
    """Returns an output that's wider than it says."""

    def forward(self, input, state):
        h, after = super().forward(input, state)
        return torch.cat([h, h], dim=1), after


class Remembers(Good):
    """Mixes in what it saw last."""

    last = 0.0

    def change(self, h, input, state):
        h = h + self.last
        self.last = float(h.mean().detach()) if h.device.type != "meta" else 0.0
        return h


class RandomInEvaluation(Good):
    """Drops values at random when it shouldn't."""

    def change(self, h, input, state):
        return nn.functional.dropout(h, 0.5, training=True)


class NotANumberAlone(Good):
    """Divides by the spread of a whole batch, of which a single sequence has none."""

    def change(self, h, input, state):
        return h if len(h) > 1 else h / (input - input).sum(1, keepdim=True)


class MeanOfTheBatch(Good):
    """Takes the mean over the batch off."""

    def change(self, h, input, state):
        return h - 0.5 * h.mean(0, keepdim=True)


class HiddenWeights(Good):
    """Keeps weights where torch doesn't look."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.hidden = [torch.randn(width)]

    def change(self, h, input, state):
        return h * self.hidden[0]


class HoldsAFunction(Good):
    """Keeps a function that can't be pickled."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.activation = lambda h: h * h.sigmoid()

    def change(self, h, input, state):
        return self.activation(h)


class Float32Only(Good):
    """Adds what's always of float32."""

    def forward(self, input, state):
        h, _ = super().forward(input, state)
        h = h.float()
        return h, (h.to(state[0].dtype),)


class StateOfFloat32(Good):
    """Starts from a state of torch's default type."""

    def initial_state(self, batch_size, like):
        return (torch.zeros(batch_size, self.width, device=like.device),)

    def forward(self, input, state):
        return super().forward(input, (state[0].to(input.dtype),))


class StateOnTheCpu(Good):
    """Starts from a state on the CPU."""

    def initial_state(self, batch_size, like):
        return (torch.zeros(batch_size, self.width, dtype=like.dtype),)

    def forward(self, input, state):
        return super().forward(input, (state[0].to(input.device),))


class OnTheCpu(Good):
    """Makes a tensor wherever torch makes one."""

    def change(self, h, input, state):
        return h + torch.ones(self.width, dtype=h.dtype)


class UnusedWeights(Good):
    """Has weights that nothing depends on."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.unused = nn.Parameter(torch.zeros(width))


class DetachedWeights(Good):
    """Lets no gradient through to a weight that it uses."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.scale = nn.Parameter(torch.ones(width))

    def change(self, h, input, state):
        return h * self.scale.detach()


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(context, value):
        return value * 2

    @staticmethod
    def backward(context, gradient):
        return gradient * 3


class WrongGradient(Good):
    """Has a gradient of its own that's wrong."""

    def change(self, h, input, state):
        return Doubled.apply(h)


class DetachedState(Good):
    """Lets no gradient through to the step before."""

    def forward(self, input, state):
        return super().forward(input, tuple(each.detach() for each in state))


class UnseededWeights(Good):
    """Draws its weights from elsewhere than torch."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        with torch.no_grad():
            self.map.bias.fill_(secrets.randbelow(10**6) / 10**6)


class CountsInstances(Good):
    """Starts from another value each time one is made."""

    _count = itertools.count()

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        nn.init.constant_(self.map.bias, 0.01 * next(self._count))


class ChangesItsGates(Good):
    """Writes over what its gradient needs, in training."""

    def change(self, h, input, state):
        gate = h.sigmoid()
        if self.training:
            out = h * gate
            gate.mul_(0.5)
            return out
        return h * gate


class KeepsItsGraph(Good):
    """Goes on from the last state in training, and so into the batch before."""

    last = None

    def change(self, h, input, state):
        if self.training and torch.is_grad_enabled():
            if self.last is not None:
                h = h + 0.1 * self.last.mean()
            self.last = h
        return h


class OneMaskForEver(Good):
    """Draws what it drops in training once."""

    mask = None

    def change(self, h, input, state):
        if not self.training:
            return h
        if self.mask is None:
            # Half of them, lest chance drops none.
            self.mask = (torch.randperm(self.width) < self.width // 2).to(h)
        return h * self.mask


class Leaves(Good):
    """Ends the process."""

    def change(self, h, input, state):
        if len(h) == 3:
            raise SystemExit("three is too many")
        return h


class NeedsARow(Good):
    """Looks at the first row."""

    def change(self, h, input, state):
        return h + 0 * h[0].sum().detach()


class Softmax(GatedCell):
    """Mixes the columns in its step."""

    gates = ("hidden",)
    states = ("hidden",)

    def step(self, x, h, state):
        return ((x["hidden"] + h["hidden"]).softmax(1),)


class Shifted(GatedCell):
    """Moves the state one column on."""

    gates = ("hidden",)
    states = ("hidden",)

    def step(self, x, h, state):
        return ((x["hidden"] + h["hidden"] + state["hidden"].roll(1, 1)).tanh(),)


class InAWrongKernel(GatedCell):
    """Is run by a kernel for another cell, see the test."""

    gates = LSTM.gates
    states = LSTM.states

    def step(self, x, h, state):
        i = (x["input"] + h["input"]).sigmoid()
        f = (x["forget"] + h["forget"]).sigmoid()
        g = (x["candidate"] + h["candidate"]).tanh()
        o = (x["output"] + h["output"]).sigmoid()
        cell = f * state["cell"] + i * g + 0.1
        return o * cell.tanh(), cell


class UnknownMaths(InAWrongKernel):
    """Has a step of each unit by itself, but of an operation that no engine knows."""

    def step(self, x, h, state):
        hidden, cell = super().step(x, h, state)
        return hidden.cos(), cell


BROKEN = {
    "can_be_made": [SettingsByPosition, SettingWithoutType, OtherWidth, NoCell],
    "is_documented": [Undocumented],
    "states_have_their_shape": [BareState, GrowingState, StateOnly, Leaves],
    "leaves_its_input_alone": [ChangesState, ChangesInput],
    "output_has_its_shape": [WideOutput],
    "keeps_nothing_between_calls": [Remembers, RandomInEvaluation],
    "reads_lengths_of_0_and_1": [NotANumberAlone],
    "same_alone_as_beside_others": [MeanOfTheBatch],
    "state_dict_holds_everything": [HiddenWeights],
    "survives_pickling": [HoldsAFunction],
    "follows_the_dtype": [Float32Only],
    "follows_the_device": [OnTheCpu],
    "every_parameter_gets_a_gradient": [UnusedWeights, DetachedWeights],
    "gradients_are_right": [WrongGradient, DetachedState],
    "same_seed_same_result": [UnseededWeights, CountsInstances],
    "learns_batch_after_batch": [ChangesItsGates, KeepsItsGraph, OneMaskForEver],
    "states_follow_the_input": [StateOfFloat32, StateOnTheCpu],
    "steps_in_an_empty_batch": [NeedsARow],
    "step_is_elementwise": [Softmax, Shifted],
    "every_engine_equals_the_plain_loop": [InAWrongKernel, UnknownMaths],
}


class Zoneout(Good):
    """Keeps values of the state at random, in training (Krueger et al. 2017)."""

    def change(self, h, input, state):
        if not self.training:
            return 0.9 * h + 0.1 * state[0]
        return torch.where(torch.rand_like(h) < 0.1, state[0], h)


class Frozen(LSTM):
    """Learns no recurrent weights, as an echo state network doesn't; keeps times that aren't learnt."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.recurrent_weight.requires_grad_(False)
        self.times = nn.Parameter(torch.full((width,), 0.01), requires_grad=False)

    def step(self, x, h, state):
        hidden, cell = super().step(x, h, state)
        return hidden * self.times.sqrt(), cell


class NothingToLearn(Good):
    """Has random weights that stay as they are."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.requires_grad_(False)


class Orthogonal(Good):
    """Keeps its weights orthogonal, by a parametrisation that can't be pickled: see the test."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.recurrent = nn.utils.parametrizations.orthogonal(nn.Linear(width, width))

    def change(self, h, input, state):
        return h + self.recurrent(state[0])


class InDozens(Good):
    """Takes widths that are multiples of 12."""

    def __init__(self, input_width: int, width: int) -> None:
        if width % 12:
            raise ConfigError(f"`width` is {width}; it must be a multiple of 12")
        super().__init__(input_width, width)


class Square(Good):
    """Is as wide as its input."""

    def __init__(self, input_width: int, width: int) -> None:
        if width != input_width:
            raise ConfigError("the widths must be the same")
        super().__init__(input_width, width)


class WidthsApart(Good):
    """Has a second state of another width, and keeps a count in a buffer."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.write = nn.Linear(width, 2 * width)
        self.read = nn.Linear(2 * width, width)
        self.register_buffer("scale", torch.tensor(0.5))
        self.register_buffer("version", torch.tensor(1))

    def initial_state(self, batch_size, like):
        return (
            *super().initial_state(batch_size, like),
            like.new_zeros(batch_size, 2 * self.width),
        )

    def forward(self, input, state):
        h, _ = super().forward(input, state)
        memory = self.scale * state[1] + self.write(h)
        h = h + self.read(memory.tanh())
        return h, (h, memory)


GOOD = [Good, Zoneout, Frozen, NothingToLearn, InDozens, Square, WidthsApart]
#: Good, but for what its author gives a reason for.
HELPERS = {"Doubled", "Orthogonal"}
