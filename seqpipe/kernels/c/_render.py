"""Generates C from a recurrence, and lays out the structs that its functions take."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch

from seqpipe.kernels.ir._operations import OPERATIONS
from seqpipe.kernels.ir._program import Program, Term
from seqpipe.kernels.ir._recurrence import Recurrence

INTEGERS: Final = ("sequences", "rows", "width", "chunks", "members", "reverse")
POINTERS: Final = (
    *("start", "length", "place", "input_bias", "weight", "bias", "parameters", "mask"),
    *("gates", "separate", "noises", "initial", "last", "outputs", "states", "operands"),
    *("d_outputs", "d_gates", "d_recurrent", "d_sums", "d_initial", "barriers"),
)
#: A `Job` of recurrence.c, up to `panels`: integers, pointers and the bound `clip`.
JOB_FIELDS: Final = (*INTEGERS, *POINTERS, "clip")
JOB: Final = struct.Struct(f"@{len(JOB_FIELDS) - 1}qd")

#: A `Product` of products.c, up to `workspace`.
PRODUCT_FIELDS: Final = ("rows", "depth", "columns", "kind", "left", "right", "out")
PRODUCT: Final = struct.Struct(f"@{len(PRODUCT_FIELDS)}q")


def assert_layout(kind: str, fields: Sequence[str]) -> str:
    """Write assertions in C that a struct begins with these fields, of eight bytes each."""
    return "\n".join(
        f'_Static_assert(offsetof({kind}, {name}) == {8 * i}, "{name} has another offset");'
        for i, name in enumerate(fields)
    )


_FOLDER = Path(__file__).parent
_GIVEN = "const REAL (*gate)[LANES], const REAL (*separate)[LANES], const REAL (*state)[LANES], const REAL (*parameter)[LANES], const REAL (*noise)[LANES]"

#: The dtypes that there are kernels for, and their names in C.
C_TYPES: Final = {torch.float32: "float", torch.float64: "double"}


def render_c(recurrence: Recurrence, dtype: torch.dtype) -> str:
    """Write the kernel of a step in C.

    Args:
        recurrence: The step.
        dtype: One of `C_TYPES`.
    """
    return "\n".join(
        [
            *_preamble(dtype),
            *_constants(recurrence),
            _forward(recurrence),
            _backward(recurrence),
            _text("recurrence.c"),
            assert_layout("Job", (*JOB_FIELDS, "panels")),
        ]
    )


def render_products(dtype: torch.dtype) -> str:
    """Write the matrix products in C, for one of the dtypes in `C_TYPES`."""
    layout = assert_layout("Product", (*PRODUCT_FIELDS, "workspace"))
    return "\n".join([*_preamble(dtype), _text("products.c"), layout])


def _preamble(dtype: torch.dtype) -> list[str]:
    real = C_TYPES[dtype]
    return [
        f"#define REAL {real}",
        f"#define IS_DOUBLE {int(real == 'double')}",
        _text("maths.c"),
        _text("tiles.c"),
    ]


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _constants(recurrence: Recurrence) -> list[str]:
    sizes = recurrence.sizes
    fused = [g if g in recurrence.fused else -1 for g in sizes.recurrent]
    separated = [
        recurrence.separate.index(g) if g in recurrence.separate else -1 for g in sizes.recurrent
    ]
    return [
        f"#define GATES {sizes.gates}",
        f"#define RECURRENT {len(sizes.recurrent)}",
        f"#define SEPARATE {len(recurrence.separate)}",
        f"#define STATES {sizes.states}",
        f"#define PARAMETERS {sizes.parameters}",
        f"#define NOISES {sizes.noises}",
        f"static const int FUSED_INTO[] = {{{', '.join(map(str, fused or [-1]))}}};",
        f"static const int SEPARATED_AS[] = {{{', '.join(map(str, separated or [-1]))}}};",
    ]


def _input_expressions(recurrence: Recurrence) -> dict[str, str]:
    """Return the C expression of each input of a program."""
    sizes = recurrence.sizes
    return {
        **{recurrence.input_name(g): f"gate[{g}]" for g in range(sizes.gates)},
        **{f"h{g}": f"separate[{i}]" for i, g in enumerate(recurrence.separate)},
        **{f"s{i}": f"state[{i}]" for i in range(sizes.states)},
        **{f"p{i}": f"parameter[{i}]" for i in range(sizes.parameters)},
        **{f"n{i}": f"noise[{i}]" for i in range(sizes.noises)},
        **{f"k{g}": f"gate[{g}]" for g in range(sizes.gates)},
        **{f"d{i}": f"d_next[{i}]" for i in range(sizes.states)},
    }


def _forward(recurrence: Recurrence) -> str:
    sizes = recurrence.sizes
    outputs = {f"s{i}": f"next[{i}]" for i in range(sizes.states)}
    outputs |= {f"k{g}": f"saved[{g}]" for g in range(sizes.gates)}
    body = _loop(recurrence.forward, _input_expressions(recurrence), outputs)
    return f"static inline void step_forward({_GIVEN}, REAL (*restrict next)[LANES], REAL (*restrict saved)[LANES]) {body}"


def _backward(recurrence: Recurrence) -> str:
    given = _input_expressions(recurrence)
    outputs = {name: f"d_{given[name]}" for name in recurrence.backward.outputs}
    results = ("d_gate", "d_separate", "d_state", "d_parameter")
    parameters = ", ".join(f"REAL (*restrict {name})[LANES]" for name in results)
    body = _loop(recurrence.backward, given, outputs)
    return f"static inline void step_backward({_GIVEN}, const REAL (*d_next)[LANES], {parameters}) {body}"


def _loop(program: Program, given: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """Write a program as a loop over lanes."""
    lines = [
        f"const REAL {name} = {given[name]}[l];" for name in program.inputs if name in program.used
    ]
    for each in program.instructions:
        operation = OPERATIONS[each.operation]
        kind = "int" if operation.is_mask else "REAL"
        value = operation.c.format(*(_term(a) for a in each.arguments))
        lines.append(f"const {kind} {each.result} = {value};")
    lines += [f"{outputs[name]}[l] = {_term(term)};" for name, term in program.outputs.items()]
    return (
        # Without the pragma, GCC turns comparisons into branches, and doesn't vectorise.
        "{\n    #pragma omp simd\n    for (int l = 0; l < LANES; l++) {\n        "
        + "\n        ".join(lines)
        + "\n    }\n}"
    )


def _term(term: Term) -> str:
    if isinstance(term, str):
        return term
    return f"((REAL){term!r})".replace("inf", "INFINITY").replace("nan", "NAN")
