"""What functions in C are told, as C lays it out in memory: fields of eight bytes."""

import struct
from collections.abc import Sequence
from typing import Final

NUMBERS: Final = ("sequences", "rows", "width", "chunks", "members", "reverse")
POINTERS: Final = (
    *("start", "length", "place", "input_bias", "weight", "bias", "parameters", "mask"),
    *("gates", "separate", "noises", "initial", "last", "outputs", "states", "operands"),
    *("d_outputs", "d_gates", "d_recurrent", "d_sums", "d_initial", "meetings"),
)
#: A `Job` of recurrence.c, up to `panels`: numbers, pointers and the bound `clip`.
JOB_FIELDS: Final = (*NUMBERS, *POINTERS, "clip")
JOB: Final = struct.Struct(f"@{len(JOB_FIELDS) - 1}qd")

#: A `Product` of products.c, up to `room`.
PRODUCT_FIELDS: Final = ("rows", "depth", "columns", "form", "left", "right", "out")
PRODUCT: Final = struct.Struct(f"@{len(PRODUCT_FIELDS)}q")


def assert_layout(kind: str, fields: Sequence[str]) -> str:
    """Write C that doesn't compile where a struct begins with anything but these fields."""
    return "\n".join(
        f"_Static_assert(offsetof({kind}, {name}) == {8 * i}, \"{name} isn't where it's put\");"
        for i, name in enumerate(fields)
    )
