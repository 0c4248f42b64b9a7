"""Invalid inputs are refused, and odd but valid ones give the right results in every engine."""

import threading
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from seqpipe.errors import ConfigError, DataError
from seqpipe.kernels import Compiled, find_fault
from seqpipe.parts.cells import GRU, LSTM, RNN, GatedCell, PeepholeLSTM
from seqpipe.parts.encoders import Recurrent, unroll
from seqpipe.parts.recurrence._gated import trace_cell

ENGINES = ["plain", "eager", "compiled"]
LENGTHS = torch.tensor([2, 4])


def inputs(width=4, **more):
    return torch.randn(6, width, generator=torch.Generator().manual_seed(1), **more)


@pytest.mark.parametrize("engine", [None, *ENGINES])
@pytest.mark.parametrize(
    ("rows", "lengths", "words"),
    [
        (torch.randn(3, 4), torch.tensor([400000]), "add up to 400000, but there are 3"),
        (torch.randn(3, 4), torch.tensor([200000, -199997]), "none can be negative"),
        (torch.randn(6, 4), torch.tensor([2, 2]), "add up to 4"),
        (torch.randn(6, 4), torch.tensor([]).long(), "add up to 0"),
        (torch.randn(6, 4), torch.tensor([2, 4], dtype=torch.int32), "int64"),
        (torch.randn(6, 4), torch.tensor([[2, 4]]), "a vector"),
        (torch.randn(6, 3), LENGTHS, r"needs \[N, 4\]"),
        (torch.randn(6, 2, 4), LENGTHS, r"needs \[N, 4\]"),
    ],
)
def test_lengths_and_inputs_that_do_not_fit_are_refused(engine, rows, lengths, words):
    with pytest.raises(DataError, match=words):
        unroll(LSTM(4, 4), rows, lengths, engine=engine)


@pytest.mark.parametrize(
    "state",
    [
        (torch.zeros(2, 4),),
        (torch.zeros(1, 4), torch.zeros(1, 4)),
        (torch.zeros(2, 2), torch.zeros(2, 2)),
    ],
)
def test_state_that_does_not_fit_is_refused(state):
    with pytest.raises(DataError, match="`state` has the shapes"):
        unroll(LSTM(4, 4), inputs(), LENGTHS, state=state)


@pytest.mark.parametrize("bounds", [{"tbptt": 0}, {"clip": 0.0}, {"clip": -1.0}])
def test_bounds_that_leave_nothing_are_refused(bounds):
    with pytest.raises(DataError, match="must be"):
        unroll(LSTM(4, 4), inputs(), LENGTHS, **bounds)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_inputs_and_states_are_taken_in_the_dtype_of_the_weights(engine):
    cell = PeepholeLSTM(4, 4)
    for vector in cell.peephole.values():
        nn.init.constant_(vector, 0.7)
    state = tuple(torch.full((2, 4), 0.5) for _ in range(2))
    wanted, _ = unroll(cell, inputs(), LENGTHS, state=state, engine="plain")
    twice = tuple(each.double() for each in state)
    found, _ = unroll(cell, inputs().double(), LENGTHS, state=twice, engine=engine)
    torch.testing.assert_close(found, wanted)


def test_noise_follows_the_weights_dtype():
    encoder = Recurrent(4, cell=LSTM, width=8, state_dropout=0.5, zoneout=0.3)
    for each in (inputs(), inputs().double()):
        assert encoder(each, LENGTHS).dtype == torch.float32


@pytest.mark.parametrize("engine", [None, "eager", "compiled"])
def test_autocast_leaves_the_recurrence_in_full_precision(engine):
    encoder, before = Recurrent(4, cell=LSTM, width=8, engine=engine), nn.Linear(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = encoder(before(inputs()), LENGTHS)
    assert outputs.dtype == torch.float32
    outputs.sum().backward()
    assert before.weight.grad.isfinite().all()


class Delay(GatedCell):
    """Hands a state on, unchanged."""

    gates = ("hidden",)
    states = ("hidden", "late", "early")

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> tuple[Tensor, ...]:
        hidden = (x["hidden"] + h["hidden"] + state["late"]).tanh()
        return hidden, state["early"], state["hidden"]


class Scaled(RNN):
    """Has one number in an unusual shape."""

    def __init__(self, input_width: int, width: int) -> None:
        super().__init__(input_width, width)
        self.scale = nn.Parameter(torch.full((1, 1), 0.5))

    def step(self, x, h, state):
        return ((x["hidden"] + self.scale * h["hidden"]).tanh(),)


@pytest.mark.parametrize("make", [Delay, Scaled])
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_odd_cells_equal_the_plain_loop(make, engine):
    cell = make(4, 5).double()
    results = []
    for name in ("plain", engine):
        rows = inputs(dtype=torch.float64).requires_grad_()
        outputs, state = unroll(cell, rows, LENGTHS, engine=name)
        loss = outputs.sin().sum() + sum(each.cos().sum() for each in state)
        results.append([outputs, *state, *torch.autograd.grad(loss, [rows, *cell.parameters()])])
    torch.testing.assert_close(results[1], results[0])


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_lengths_may_be_used_again_before_the_way_back(engine):
    cell, gradients = LSTM(4, 4), []
    for change in (False, True):
        lengths = LENGTHS.clone()
        outputs, _ = unroll(cell, inputs(), lengths, reverse=True, engine=engine)
        if change:
            lengths.copy_(torch.tensor([4, 2]))
        gradients.append(torch.autograd.grad(outputs.sin().sum(), cell.recurrent_weight)[0])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("engine", ENGINES)
def test_outputs_may_be_changed_in_place(engine):
    cell = GRU(4, 4)
    outputs, _ = unroll(cell, inputs(), LENGTHS, engine=engine)
    wanted = torch.autograd.grad((2 * outputs).sum(), cell.recurrent_weight)[0]
    changed, _ = unroll(cell, inputs(), LENGTHS, engine=engine)
    changed.mul_(2)
    found = torch.autograd.grad(changed.sum(), cell.recurrent_weight)[0]
    torch.testing.assert_close(found, wanted)


def test_cells_can_be_used_first_by_several_threads_at_once():
    def make(number):
        def step(self, x, h, state):
            return ((x["hidden"] + number * h["hidden"]).tanh(),)

        return type(f"Cell{number}", (RNN,), {"step": step})(4, 4)

    errors = []

    def use(cell):
        try:
            unroll(cell, inputs(), LENGTHS, engine="eager")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(make(n),)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []


def test_another_advance_and_hooks_are_called():
    class Doubled(RNN):
        def advance(self, x, h, state):
            return tuple(2 * each for each in super().advance(x, h, state))

    cell, plain = Doubled(4, 4), unroll
    assert torch.equal(
        plain(cell, inputs(), LENGTHS)[0], plain(cell, inputs(), LENGTHS, engine="plain")[0]
    )
    calls = []
    hooked = RNN(4, 4)
    hooked.register_forward_hook(lambda *given: calls.append(given))
    unroll(hooked, inputs(), LENGTHS)
    assert len(calls) == 4


def test_step_that_returns_too_many_states_is_refused():
    class TooMany(RNN):
        def step(self, x, h, state):
            return (x["hidden"] + h["hidden"],) * 2

    with pytest.raises(ConfigError, match="returns 2 states, and should return 1"):
        unroll(TooMany(4, 4), inputs(), LENGTHS)


def test_compiler_that_fails_is_called_once(monkeypatch, tmp_path, caplog):
    calls = tmp_path / "calls"
    compiler = tmp_path / "broken-cc"
    compiler.write_text(f"#!/bin/sh\necho $@ >> {calls}\necho $3 is odd >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "cache"))
    # With one, only that is tried.
    monkeypatch.delenv("SEQPIPE_MARCH", raising=False)

    class Own(RNN):
        def step(self, x, h, state):
            return ((x["hidden"] + 0.123 * h["hidden"]).tanh(),)

    cell = Own(4, 4)
    for _ in range(3):
        unroll(cell, inputs(), LENGTHS)
    # Once to ask its version, and once for each way to tune.
    assert len(calls.read_text().splitlines()) == 4
    assert len([r for r in caplog.records if "can't run here" in r.message]) == 1


def test_compiler_that_fails_otherwise_for_each_cell_is_warned_of_once(
    monkeypatch, tmp_path, caplog
):
    compiler = tmp_path / "broken-cc"
    compiler.write_text("#!/bin/sh\ndate +%N >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "cache"))

    class One(RNN):
        def step(self, x, h, state):
            return ((x["hidden"] + 0.234 * h["hidden"]).tanh(),)

    class Other(RNN):
        def step(self, x, h, state):
            return ((x["hidden"] + 0.345 * h["hidden"]).tanh(),)

    for cell in (One(4, 4), Other(4, 4)):
        unroll(cell, inputs(), LENGTHS)
    (said,) = [r.message for r in caplog.records if "can't run here" in r.message]
    assert f"the C compiler {compiler} fails (" in said


@pytest.mark.parametrize("wrong", [float("nan"), 1.0])
@pytest.mark.parametrize("where", ["gates", "initial", "parameters"])
def test_engine_whose_gradients_are_wrong_is_found_out(wrong, where):
    class Wrong(Compiled):
        name = f"wrong {where} {wrong}"

        def backward(self, *given):
            found = super().backward(*given)
            return found._replace(**{where: getattr(found, where) + wrong})

    recurrence = trace_cell(PeepholeLSTM(4, 5))
    assert find_fault(Compiled(), recurrence, 5, torch.zeros(1)) is None
    assert "off by" in find_fault(Wrong(), recurrence, 5, torch.zeros(1))


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (torch.tensor([0, 3]), "from 0 to 3, but there are 3 inputs"),
        (torch.tensor([-1, 0]), "from -1 to 0, but there are 3 inputs"),
        (torch.tensor([[0, 1]]), r"the shape \(1, 2\)"),
        (torch.tensor([0, 1], dtype=torch.int32), "torch.int32"),
        (torch.tensor([0]), "add up to 2, but there are 1 inputs"),
    ],
)
def test_places_outside_the_inputs_are_refused(places, message):
    with pytest.raises(DataError, match=message):
        unroll(LSTM(3, 4), torch.zeros(3, 3), torch.tensor([2]), places=places)
