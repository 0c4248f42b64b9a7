"""The engine for processors: C, generated and compiled for each cell."""

import ctypes
import functools
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from seqpipe.kernels._build import BuildError, build
from seqpipe.kernels._pass import Engine, Gradients, Kept, Pass
from seqpipe.kernels._recurrence import Recurrence
from seqpipe.kernels._render import render_c

#: The types of number that there's a kernel for, and C's names of them.
REALS: Final = {torch.float32: "float", torch.float64: "double"}

_NUMBERS: Final = ("sequences", "rows", "width", "chunks", "reverse")
_POINTERS: Final = (
    *("start", "length", "place", "input_bias", "weight", "bias", "parameters", "mask"),
    *("gates", "separate", "noises", "initial", "states", "d_outputs", "d_final"),
    *("d_gates", "d_recurrent", "d_parameters", "d_initial"),
)

# So many sequences are walked through together: enough to use a weight often once it's at hand, few
# enough for their states to stay near.
_CHUNK: Final = 64
# A walk of fewer products than this is over before a second thread has begun.
_WORTH_A_THREAD: Final = 200_000


class _Job(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in _POINTERS),
        ("clip", ctypes.c_double),
        ("panels", ctypes.c_void_p),
        ("next", ctypes.c_int64),
        ("failed", ctypes.c_int64),
    ]


class Compiled(Engine):
    """Runs a recurrence in C, in float32 or float64."""

    name = "compiled"

    def prepare(self, recurrence: Recurrence, dtype: torch.dtype) -> None:
        """Compile a recurrence now, so that it's known whether that works.

        Raises:
            BuildError: It can't be compiled, or there's no kernel for the dtype.
        """
        if dtype not in REALS:
            raise BuildError(f"it's for float32 and float64, not {dtype}")
        _library(recurrence, dtype)

    def forward(self, walk: Pass, gates: Tensor) -> Kept:
        """See `Engine.forward`."""
        library = _library(walk.recurrence, gates.dtype)
        separate = gates.new_empty(len(gates), len(walk.recurrence.separate) * walk.width)
        states = gates.new_empty(walk.recurrence.sizes.states, len(gates), walk.width)
        tensors = {"gates": gates, "separate": separate, "states": states}
        _call(library.seqpipe_forward, walk, tensors, _chunks(walk))
        return Kept(gates, separate, states)

    def backward(self, walk: Pass, kept: Kept, outputs: Tensor, final: Tensor) -> Gradients:
        """See `Engine.backward`."""
        library = _library(walk.recurrence, kept.gates.dtype)
        sizes, chunks = walk.recurrence.sizes, _chunks(walk)
        gates = torch.empty_like(kept.gates)
        same = sizes.recurrent == tuple(range(sizes.gates)) and not walk.recurrence.separate
        recurrent = gates if same else gates.new_empty(len(gates), len(walk.weight))
        parameters = gates.new_zeros(chunks, sizes.parameters, walk.width)
        initial = torch.empty_like(walk.initial)
        tensors = {
            **{name: getattr(kept, name) for name in ("gates", "separate", "states")},
            **{"d_outputs": outputs.contiguous(), "d_final": final.contiguous()},
            **{"d_gates": gates, "d_recurrent": recurrent},
            **{"d_parameters": parameters, "d_initial": initial},
        }
        _call(library.seqpipe_backward, walk, tensors, chunks)
        return Gradients(gates, recurrent, parameters.sum(0), initial)


# A plugin's cell may be traced many times; its library goes with the trace.
_LIBRARIES: weakref.WeakKeyDictionary[Recurrence, dict[torch.dtype, ctypes.CDLL]] = (
    weakref.WeakKeyDictionary()
)


def _library(recurrence: Recurrence, dtype: torch.dtype) -> ctypes.CDLL:
    """Return the library of a recurrence.

    Raises:
        BuildError: It can't be compiled.
    """
    known = _LIBRARIES.setdefault(recurrence, {})
    if dtype not in known:
        library = build(render_c(recurrence, REALS[dtype]))
        for function in (library.seqpipe_forward, library.seqpipe_backward):
            function.argtypes = [ctypes.POINTER(_Job), ctypes.c_int64, ctypes.c_void_p]
            function.restype = ctypes.c_int64
        known[dtype] = library
    return known[dtype]


def _threads(walk: Pass) -> int:
    counts = walk.layout.counts
    worth = int(counts.sum()) * walk.weight.numel() >= _WORTH_A_THREAD
    return min(torch.get_num_threads(), len(counts)) if worth else 1


def _chunks(walk: Pass) -> int:
    threads, count = _threads(walk), len(walk.layout.counts)
    rounds = -(-count // (threads * _CHUNK))
    return min(count, threads * rounds)


def _call(
    function: Callable[..., int], walk: Pass, tensors: dict[str, Tensor], chunks: int
) -> None:
    layout = walk.layout
    order = layout.order
    places = {"start": layout.starts[order], "length": layout.counts[order], "place": order}
    given: dict[str, Tensor | None] = {
        **{"input_bias": walk.input_bias, "weight": walk.weight, "bias": walk.bias},
        **{"parameters": walk.parameters, "mask": walk.mask},
        **{"noises": walk.noises, "initial": walk.initial},
        **tensors,
    }
    # Kept alive by these names until the call ends.
    given = {name: None if t is None else t.contiguous() for name, t in given.items()}
    job = _Job(
        sequences=len(order),
        rows=len(tensors["gates"]),
        width=walk.width,
        chunks=chunks,
        reverse=layout.reverse,
        clip=walk.clip or 0.0,
        **{name: array.ctypes.data for name, array in places.items()},
        **{name: None if t is None else t.data_ptr() for name, t in given.items()},
    )
    if function(ctypes.byref(job), _threads(walk), _together()):
        raise MemoryError("no memory for a recurrence's weights and states")


@functools.cache
def _together() -> Any:
    """Return the function by which torch's own OpenMP runs another on its threads, or None.

    Threads of torch's pool, since those of a second one would fight them for the processor.
    """
    near = sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*"))
    for name in (None, *map(str, near)):
        try:
            return ctypes.cast(ctypes.CDLL(name).GOMP_parallel, ctypes.c_void_p)
        except (OSError, AttributeError):
            continue
    return None
