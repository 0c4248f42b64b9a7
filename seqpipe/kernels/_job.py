"""What the C of a recurrence is told, as C lays it out in memory."""

import struct
from typing import Final

NUMBERS: Final = ("sequences", "rows", "width", "chunks", "members", "reverse")
POINTERS: Final = (
    *("start", "length", "place", "input_bias", "weight", "bias", "parameters", "mask"),
    *("gates", "separate", "noises", "initial", "last", "outputs", "states", "operands"),
    *("d_outputs", "d_gates", "d_recurrent", "d_sums", "d_initial", "meetings"),
)
#: The fields of a `Job` that are given to it: numbers, pointers and the bound `clip`.
JOB: Final = struct.Struct(f"@{len(NUMBERS) + len(POINTERS)}qd")


def assert_layout() -> str:
    """Write C that doesn't compile where a `Job` there is laid out otherwise."""
    places = {name: 8 * i for i, name in enumerate((*NUMBERS, *POINTERS, "clip"))}
    places["panels"] = JOB.size
    return "\n".join(
        f"_Static_assert(offsetof(Job, {name}) == {place}, \"{name} isn't where it's put\");"
        for name, place in places.items()
    )
