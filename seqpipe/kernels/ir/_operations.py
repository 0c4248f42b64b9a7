"""The elementwise operations that a step may be made of, in each language that kernels are written in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch


@dataclass(frozen=True)
class Operation:
    """An elementwise operation.

    Attributes:
        torch: What computes it on tensors and scalars.
        c: Its expression in C, with `{0}`, `{1}`, `{2}` for the arguments.
        triton: Its expression in Triton; None where it's that of C.
        is_mask: Whether its result is boolean.
        is_costly: Whether it takes many times as long as a multiplication.
    """

    torch: Callable[..., Any]
    c: str
    triton: str | None = None
    is_mask: bool = False
    is_costly: bool = False


def _number(value: Any) -> Any:
    """Convert a mask to floating point, which torch's `where` and arithmetic treat alike."""
    return value.to(torch.get_default_dtype()) if value.dtype == torch.bool else value


#: Functions in capitals are macros that the C source defines for its floating-point type.
OPERATIONS: Final[dict[str, Operation]] = {
    "add": Operation(torch.add, "({0} + {1})"),
    "sub": Operation(torch.sub, "({0} - {1})"),
    "mul": Operation(torch.mul, "({0} * {1})"),
    "div": Operation(torch.div, "({0} / {1})"),
    "neg": Operation(torch.neg, "(-{0})"),
    "abs": Operation(torch.abs, "ABS({0})", "tl.abs({0})"),
    "sign": Operation(torch.sign, "SIGN({0})", "sign({0})"),
    "sqrt": Operation(torch.sqrt, "SQRT({0})", "tl.sqrt({0})"),
    "exp": Operation(torch.exp, "EXP({0})", "tl.exp({0})", is_costly=True),
    "expm1": Operation(torch.expm1, "EXPM1({0})", "expm1({0})", is_costly=True),
    "log": Operation(torch.log, "LOG({0})", "tl.log({0})", is_costly=True),
    "log1p": Operation(torch.log1p, "LOG1P({0})", "log1p({0})", is_costly=True),
    "sigmoid": Operation(torch.sigmoid, "SIGMOID({0})", "sigmoid({0})", is_costly=True),
    "tanh": Operation(torch.tanh, "TANH({0})", "tanh({0})", is_costly=True),
    "erf": Operation(torch.erf, "ERF({0})", "tl.erf({0})", is_costly=True),
    "pow": Operation(torch.pow, "POW({0}, {1})", "pow({0}, {1})", is_costly=True),
    "minimum": Operation(torch.minimum, "MINIMUM({0}, {1})", "minimum({0}, {1})"),
    "maximum": Operation(torch.maximum, "MAXIMUM({0}, {1})", "maximum({0}, {1})"),
    "where": Operation(torch.where, "({0} ? {1} : {2})", "tl.where({0}, {1}, {2})"),
    "number": Operation(_number, "((REAL)({0}))", "tl.where({0}, 1.0, 0.0)"),
    "eq": Operation(torch.eq, "({0} == {1})", is_mask=True),
    "ne": Operation(torch.ne, "({0} != {1})", is_mask=True),
    "lt": Operation(torch.lt, "({0} < {1})", is_mask=True),
    "le": Operation(torch.le, "({0} <= {1})", is_mask=True),
    "gt": Operation(torch.gt, "({0} > {1})", is_mask=True),
    "ge": Operation(torch.ge, "({0} >= {1})", is_mask=True),
    "and": Operation(torch.logical_and, "({0} & {1})", is_mask=True),
    "or": Operation(torch.logical_or, "({0} | {1})", is_mask=True),
    "not": Operation(torch.logical_not, "(!{0})", "({0} == 0)", is_mask=True),
}
