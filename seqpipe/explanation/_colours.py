"""Scales of colours that those who are colour-blind tell apart, and pictures of single pixels."""

import base64
import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: The levels of a scale.
LEVELS: Final = 255

#: Viridis (van der Walt & Smith 2015), at tenths of its way.
_VIRIDIS: Final = [
    "440154",
    "482475",
    "414487",
    "355f8d",
    "2a788e",
    "21918c",
    "22a884",
    "44bf70",
    "7ad151",
    "bddf26",
    "fde725",
]
#: ColorBrewer's RdBu (Brewer 2003): red below 0, blue above.
_RED_BLUE: Final = [
    "67001f",
    "b2182b",
    "d6604d",
    "f4a582",
    "fddbc7",
    "f7f7f7",
    "d1e5f0",
    "92c5de",
    "4393c3",
    "2166ac",
    "053061",
]


def scale(*, diverging: bool) -> NDArray[np.uint8]:
    """Return the colours of the levels, `[255, 3]`: of numbers around 0, or of those from 0 on."""
    stops = np.array(
        [
            [int(each[i : i + 2], 16) for i in (0, 2, 4)]
            for each in (_RED_BLUE if diverging else _VIRIDIS)
        ]
    )
    at = np.linspace(0, len(stops) - 1, LEVELS)
    columns = [np.interp(at, np.arange(len(stops)), stops[:, i]) for i in range(3)]
    return np.asarray(np.stack(columns, axis=1).round(), dtype=np.uint8)


def hexadecimal(colour: NDArray[np.uint8]) -> str:
    """Return a colour as HTML writes it."""
    return "#" + "".join(f"{int(part):02x}" for part in colour)


def level_of(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.uint8]:
    """Return the level of each number between two bounds; numbers beyond them have the bounds'."""
    span = (high - low) or 1.0
    shares = np.clip((values - low) / span, 0, 1)
    return np.asarray((shares * (LEVELS - 1)).round(), dtype=np.uint8)


def png(levels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> str:
    """Return a picture with a pixel for each level, `[rows, columns]`, as an address that holds it (a data URI of a PNG)."""
    rows, columns = levels.shape
    lines = np.pad(levels, ((0, 0), (1, 0))).tobytes()  # each line begins with its filter, 0
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in parts)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
