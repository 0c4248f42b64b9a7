"""Generates C from a recurrence, and lays out the structs that its functions take."""

import ctypes
import functools
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from seqpipe.kernels.ir._operations import OPERATIONS
from seqpipe.kernels.ir._program import Program, Term
from seqpipe.kernels.ir._recurrence import Recurrence
from seqpipe.native import assert_layout, find_own_threads, load_pool, preamble

INTEGERS: Final = ("sequences", "rows", "width", "chunks", "members", "reverse")
POINTERS: Final = (
    *("start", "length", "place", "input_bias", "weight", "bias", "parameters", "mask"),
    *(
        "gates",
        "gate_rows",
        "separate",
        "noises",
        "initial",
        "last",
        "outputs",
        "states",
        "operands",
    ),
    *("d_outputs", "d_gates", "d_recurrent", "d_sums", "d_initial", "barriers"),
)
#: A `Job` of recurrence.c, up to `panels`: integers, pointers and the bound `clip`.
JOB_FIELDS: Final = (*INTEGERS, *POINTERS, "clip")
JOB: Final = struct.Struct(f"@{len(JOB_FIELDS) - 1}qd")

#: A `Product` of products.c, up to `workspace`.
PRODUCT_FIELDS: Final = ("rows", "depth", "columns", "kind", "left", "right", "out")
PRODUCT: Final = struct.Struct(f"@{len(PRODUCT_FIELDS)}q")

#: A `Pooling` of pooling.c, up to `kinds`.
POOLING_FIELDS: Final = (
    *("sequences", "width", "poolings", "start", "length", "place"),
    *("vectors", "pooled", "d_pooled", "d_vectors"),
)
POOLING: Final = struct.Struct(f"@{len(POOLING_FIELDS)}q")
#: An `Attention` of pooling.c.
ATTENTION_FIELDS: Final = (
    *("products", "bias", "query", "weights"),
    *("d_matches", "d_products", "d_sums"),
)

#: A `Chains` of chains.c, up to `next`.
CHAINS_FIELDS: Final = (
    *("sequences", "labels", "start", "length", "logits"),
    *("transitions", "transposed", "starts", "ends"),
    *("before", "after", "follows", "marginals", "log_scales", "best", "backpointers"),
)
CHAINS: Final = struct.Struct(f"@{len(CHAINS_FIELDS)}q")

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
            *preamble(C_TYPES[dtype]),
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
    return "\n".join([*preamble(C_TYPES[dtype]), _text("products.c"), layout])


def render_pooling(dtype: torch.dtype) -> str:
    """Write the pooling of sequences in C, for one of the dtypes in `C_TYPES`."""
    layouts = (
        assert_layout("Pooling", (*POOLING_FIELDS, "kinds")),
        assert_layout("Attention", ATTENTION_FIELDS),
    )
    return "\n".join([*preamble(C_TYPES[dtype]), _text("pooling.c"), *layouts])


def render_chains() -> str:
    """Write the sums over sequences of labels in C."""
    layout = assert_layout("Chains", (*CHAINS_FIELDS, "next"))
    return "\n".join([*preamble("double"), _text("chains.c"), layout])


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


_PROCESS: Final = os.getpid()


def available_threads() -> int:
    """Return how many threads kernels compute with: torch's number, or that of `own_threads`; 1 in a forked process."""
    # A forked process doesn't inherit the threads that OpenMP still believes to be there.
    if os.getpid() != _PROCESS:
        return 1
    own = find_own_threads()
    return torch.get_num_threads() if own is None else own


def has_own_threads() -> bool:
    """Say whether the number of threads is that of `own_threads`, and not torch's."""
    return find_own_threads() is not None


def find_parallel() -> tuple[Any, Any]:
    """Return what runs a function on several threads: our pool with `own_threads`, or else OpenMP; see `openmp`."""
    return (load_pool(), None) if has_own_threads() else openmp()


@functools.cache
def openmp() -> tuple[Any, Any]:
    """Return two functions of torch's own OpenMP: to run a function on its threads, and to count them; or Nones.

    It's torch's thread pool, since the threads of a second one would compete with it for the cores.
    """
    near = sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*"))
    for name in (None, *map(str, near)):
        try:
            library = ctypes.CDLL(name)
            functions = (library.GOMP_parallel, library.omp_get_num_threads)
        except (OSError, AttributeError):
            continue
        return tuple(ctypes.cast(each, ctypes.c_void_p) for each in functions)  # type: ignore[return-value]
    return None, None
