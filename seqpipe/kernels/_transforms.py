"""Finds out whether torch traces or transforms a call, which a kernel, as it reads memory, can't support."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch._C import _disabled_torch_dispatch_impl, _len_torch_dispatch_stack
from torch._C._functorch import is_legacy_batchedtensor, peek_interpreter_stack
from torch.autograd import forward_ad

P = ParamSpec("P")
R = TypeVar("R")


def break_graph(function: Callable[P, R]) -> Callable[P, R]:
    """Exclude a function from the graphs that torch.compile makes of its callers.

    That's `torch.compiler.disable`, which takes over a second to import the compiler, so that's postponed
    until something else has imported it.
    """
    called: Callable[P, R] | None = None

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal called
        if called is None and "torch._dynamo" in sys.modules:
            called = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
        return (called or function)(*args, **kwargs)

    return run


def is_transformed() -> bool:
    """Say whether a transform of `torch.func` is active, such as grad, vmap or jvp."""
    return peek_interpreter_stack() is not None


def is_batched(gradient: Tensor) -> bool:
    """Say whether a gradient is a batch of those of many losses, as with autograd's `is_grads_batched`."""
    return is_transformed() or is_legacy_batchedtensor(gradient)


def is_recorded() -> bool:
    """Say whether `torch.jit.trace` is active."""
    return torch._C._get_tracing_state() is not None


def find_transform() -> str | None:
    """Say what would take a kernel's results for constants, or not see them at all.

    Returns:
        A clause for an error message, or None if a kernel may run.
    """
    if is_transformed():
        return "a transform of torch.func (grad, vmap, jvp, ...) is active"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation is active"
    if is_recorded():
        return "torch.jit.trace or torch.export traces the call"
    if _len_torch_dispatch_stack():
        return "a TorchDispatchMode intercepts each operation"
    return None


def is_dispatched(tensor: Tensor) -> bool:
    """Say whether a tensor's type has its own implementation of torch's operations, and maybe no memory."""
    kind = type(tensor)
    return kind is not Tensor and kind.__torch_dispatch__ is not _disabled_torch_dispatch_impl
