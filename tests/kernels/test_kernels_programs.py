"""Programs are made small, and products that are only added up are one."""

import pytest
import torch

from seqpipe.kernels import Sizes, pack, trace
from seqpipe.kernels.ir._operations import OPERATIONS
from seqpipe.kernels.ir._program import Instruction, Program, simplify


def parts(program):
    return [(each.result, each.operation, *each.arguments) for each in program.instructions]


def make(lines, outputs, inputs=("a", "b")):
    instructions = tuple(Instruction(r, o, tuple(terms)) for r, o, *terms in lines)
    return Program(inputs, instructions, outputs)


def test_what_was_computed_before_is_not_computed_again():
    lines = [
        ("u", "add", "a", "b"),
        ("v", "add", "a", "b"),
        ("w", "tanh", "u"),
        ("x", "tanh", "v"),
        ("y", "mul", "w", "x"),
    ]
    short = simplify(make(lines, {"out": "y"}))
    assert parts(short) == [("u", "add", "a", "b"), ("w", "tanh", "u"), ("y", "mul", "w", "w")]


def test_what_no_output_needs_is_left_out():
    lines = [("u", "exp", "a"), ("v", "exp", "u"), ("w", "neg", "b")]
    short = simplify(make(lines, {"out": "w"}))
    assert parts(short) == [("w", "neg", "b")]
    assert short.used == {"b"}


def test_numbers_are_computed_at_once():
    lines = [
        ("u", "add", 1.0, 2.0),
        ("v", "exp", 0.0),
        ("w", "mul", "u", "v"),
        ("x", "mul", "a", "w"),
    ]
    assert parts(simplify(make(lines, {"out": "x"}))) == [("x", "mul", "a", 3.0)]


def test_outputs_may_be_numbers_and_inputs():
    lines = [("u", "mul", 0.0, 3.0), ("v", "mul", "a", 1.0), ("w", "pow", "b", 1.0)]
    short = simplify(make(lines, {"zero": "u", "same": "v", "other": "w"}))
    assert not short.instructions
    assert short.outputs == {"zero": 0.0, "same": "a", "other": "b"}
    ran = short.run({"a": torch.ones(2), "b": torch.zeros(2)})
    assert ran["zero"] == 0.0
    assert torch.equal(ran["same"], torch.ones(2))


def test_choice_between_the_same_is_none():
    lines = [("m", "gt", "a", 0.0), ("u", "where", "m", "b", "b")]
    short = simplify(make(lines, {"out": "u"}))
    assert not short.instructions
    assert short.outputs == {"out": "b"}


def test_zero_times_something_stays_since_it_may_be_nan():
    short = simplify(make([("u", "mul", "a", 0.0)], {"out": "u"}))
    nan = torch.tensor([float("nan"), 1.0])
    assert short.run({"a": nan, "b": nan})["out"].isnan().tolist() == [True, False]


def test_mask_of_numbers_is_still_a_mask():
    lines = [("m", "gt", 1.0, 0.0), ("u", "where", "m", "a", "b")]
    short = simplify(make(lines, {"out": "u"}))
    a, b = torch.ones(2), torch.zeros(2)
    assert torch.equal(short.run({"a": a, "b": b})["out"], a)


def costly(program):
    return sorted(
        (each.operation for each in program.instructions if OPERATIONS[each.operation].is_costly),
    )


def lstm(x, h, s, p, n):
    i, f, g, o = (a + b for a, b in zip(x, h, strict=True))
    cell = f.sigmoid() * s[1] + i.sigmoid() * g.tanh()
    return [o.sigmoid() * cell.tanh(), cell]


def test_gates_of_an_lstm_are_known_by_their_sums():
    traced = trace(lstm, Sizes(gates=4, recurrent=(0, 1, 2, 3), states=2))
    assert traced.fused == (0, 1, 2, 3)
    assert traced.separate == ()
    assert traced.forward.used == {"z0", "z1", "z2", "z3", "s1"}
    assert {*traced.backward.outputs} == {"z0", "z1", "z2", "z3", "s0", "s1"}
    # Three sigmoids and two tanh, each once; the backward pass recomputes what no gate saves.
    assert costly(traced.forward) == ["sigmoid", "sigmoid", "sigmoid", "tanh", "tanh"]
    assert costly(traced.backward) == ["tanh"]


def test_candidate_of_a_gru_keeps_its_products_separate():
    def gru(x, h, s, p, n):
        r, z = (x[0] + h[0]).sigmoid(), (h[1] + x[1]).sigmoid()
        return [(1 - z) * (x[2] + r * h[2]).tanh() + z * s[0]]

    traced = trace(gru, Sizes(gates=3, recurrent=(0, 1, 2), states=1))
    assert traced.fused == (0, 1)
    assert traced.separate == (2,)
    assert [traced.input_name(g) for g in range(3)] == ["z0", "z1", "x2"]
    assert [traced.recurrent_name(g) for g in range(3)] == ["z0", "z1", "h2"]
    # Even the candidate, whose tanh depends on what's kept of the reset gate.
    assert costly(traced.backward) == []


@pytest.mark.parametrize(
    "step",
    [
        lambda x, h, s, p, n: [(x[0] + h[0]).tanh() + x[0]],
        lambda x, h, s, p, n: [(x[0] + h[0]).tanh() * h[0]],
        lambda x, h, s, p, n: [x[0] * h[0]],
        lambda x, h, s, p, n: [x[0] - h[0]],
        lambda x, h, s, p, n: [x[0] + 2 * h[0]],
        lambda x, h, s, p, n: [torch.add(x[0], h[0], alpha=2)],
        lambda x, h, s, p, n: [x[0] + h[0].detach()],
        lambda x, h, s, p, n: [x[0] + h[0] + x[0].detach() * 0],
        lambda x, h, s, p, n: [h[0]],
        lambda x, h, s, p, n: [x[0]],
        lambda x, h, s, p, n: [x[0] + x[0] + h[0]],
    ],
)
def test_products_that_are_used_separately_stay_separate(step):
    assert trace(step, Sizes(gates=1, recurrent=(0,), states=1)).fused == ()


def test_product_that_more_is_made_of_is_kept_itself():
    def step(x, h, s, p, n):
        both = x[0] + h[0]
        return [both.tanh() * both.sigmoid()]

    traced = trace(step, Sizes(gates=1, recurrent=(0,), states=1))
    assert traced.forward.outputs["k0"] == "z0"
    assert costly(traced.backward) == ["sigmoid", "tanh"]


def test_peepholes_do_not_keep_a_gate_from_being_kept():
    def step(x, h, s, p, n):
        i = (x[0] + h[0] + p[0] * s[1]).sigmoid()
        cell = i * s[1]
        return [(x[1] + h[1] + p[1] * cell).sigmoid(), cell]

    traced = trace(step, Sizes(gates=2, recurrent=(0, 1), states=2, parameters=2))
    assert costly(traced.backward) == []


def test_gate_of_the_input_only_has_no_sum():
    traced = trace(
        lambda x, h, s, p, n: [(x[0] + s[0]).tanh() + (x[1] + h[0]).tanh()],
        Sizes(gates=2, recurrent=(1,), states=1),
    )
    assert traced.fused == (1,)
    assert traced.input_name(0) == "x0"


def test_sum_that_is_a_state_is_fused():
    traced = trace(lambda x, h, s, p, n: [x[0] + h[0]], Sizes(gates=1, recurrent=(0,), states=1))
    assert traced.fused == (0,)
    assert traced.forward.outputs == {"s0": "z0", "k0": "z0"}
    assert traced.backward.outputs["z0"] == "d0"


def test_longest_sequence_is_packed_first_and_nothing_is_padding():
    packing = pack(torch.tensor([2, 0, 3, 1]))
    assert packing.sizes == [3, 2, 1]
    assert packing.order.tolist() == [2, 0, 5, 3, 1, 4]
    assert packing.order[packing.inverse].tolist() == list(range(6))


def test_in_reverse_each_sequence_begins_with_its_last_row():
    packing = pack(torch.tensor([2, 0, 3, 1]), reverse=True)
    assert packing.sizes == [3, 2, 1]
    assert packing.order.tolist() == [4, 1, 5, 3, 0, 2]


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_nothing_is_packed_where_nothing_is(lengths):
    packing = pack(torch.tensor(lengths, dtype=torch.int64))
    assert packing.sizes == []
    assert len(packing.order) == len(packing.inverse) == 0
