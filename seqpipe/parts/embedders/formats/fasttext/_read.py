"""Reads files of the fastText library, strictly.

Each length is held against the file's size before anything is made of it, so that a damaged file is an
error and neither a crash nor gigabytes of memory.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.embedders.formats._bytes import Bytes, load
from seqpipe.parts.embedders.formats._options import check_encoding
from seqpipe.parts.embedders.formats.fasttext._args import FastTextArgs, read_args
from seqpipe.parts.embedders.formats.fasttext._dictionary import Dictionary, read_dictionary
from seqpipe.parts.embedders.formats.fasttext._matrix import CENTROIDS, Dense, Matrix, Quantized
from seqpipe.parts.embedders.formats.fasttext._model import FastTextModel

_CHECKED_VALUES = 4_000_000


def read_fasttext(
    path: str | Path, *, encoding: str = "utf-8", mapped: bool = True, name: str | None = None
) -> FastTextModel:
    """Read a `.bin` or `.ftz` file.

    Args:
        path: The file.
        encoding: How its words are encoded.
        mapped: Whether the matrices stay in the file and come into memory as they're used; the file mustn't
            be written to meanwhile. Otherwise they're read.
        name: What errors call the file, if not by its path.

    Raises:
        SavedModelError: The file can't be read, isn't one of fastText's, or is damaged; the message names the
            field and where it stands.
        ConfigError: There's no such encoding.
    """
    check_encoding(encoding)
    source = Bytes(load(Path(path), mapped=mapped), name or str(path))
    args = read_args(source)
    dictionary = read_dictionary(source, args)
    shared = args.buckets if dictionary.pruned is None else len(dictionary.pruned)
    rows = len(dictionary.words) + shared
    matrix = _read_matrix(source, "input", (rows, args.width), args, dense=False)
    _check_pruned(source, dictionary, matrix)
    rows = len(dictionary.labels if args.kind == "supervised" else dictionary.words)
    is_dense = isinstance(matrix, Dense)
    output = _read_matrix(source, "output", (rows, args.width), args, dense=is_dense)
    source.end()
    return _model(args, dictionary, matrix, output, encoding)


def _check_pruned(source: Bytes, dictionary: Dictionary, matrix: Matrix) -> None:
    if dictionary.pruned is not None and isinstance(matrix, Dense):
        raise source.refusal(
            "the input matrix",
            "isn't quantised in a model that was pruned; the library refuses it too",
        )


def _read_matrix(
    source: Bytes, name: str, shape: tuple[int, int], args: FastTextArgs, *, dense: bool
) -> Matrix:
    """Take a matrix.

    Args:
        source: Where from.
        name: What errors call it.
        shape: What its shape must be.
        args: The file's settings.
        dense: Whether it can't be quantised, whatever its flag says.
    """
    quantized = source.flag(f"the {name} matrix's `quant`") if args.version else False
    if quantized and not dense:
        return _read_quantized(source, name, shape)
    if quantized:
        raise source.refusal(
            f"the {name} matrix's `quant`", "is 1, while the input isn't quantised"
        )
    _check_shape(source, name, shape)
    count = shape[0] * shape[1]
    values = source.array("<f4", count, f"the {name} matrix")
    _check_values(source, values, f"the {name} matrix")
    return Dense(values.reshape(shape))


def _check_shape(source: Bytes, name: str, shape: tuple[int, int]) -> None:
    for axis, expected in zip("mn", shape, strict=True):
        found = source.scalar("<i8", f"the {name} matrix's `{axis}`")
        if found != expected:
            problem = f"is {found}, and must be {expected}"
            field = f"the {name} matrix's `{axis}`"
            raise source.refusal(field, problem, offset=source.offset - 8)


def _check_values(source: Bytes, values: NDArray[np.float32], field: str) -> None:
    start = source.offset - values.nbytes
    for first in range(0, len(values), _CHECKED_VALUES):
        finite = np.isfinite(values[first : first + _CHECKED_VALUES])
        if not finite.all():
            place = start + 4 * (first + int(finite.argmin()))
            raise source.refusal(f"a number of {field}", "isn't finite", offset=place)


def _read_quantized(source: Bytes, name: str, shape: tuple[int, int]) -> Quantized:
    has_norms = source.flag(f"the {name} matrix's `qnorm`")
    _check_shape(source, name, shape)
    place = source.offset
    size = source.scalar("<i4", f"the {name} matrix's `codesize`")
    parts = size // shape[0] if shape[0] else 0
    if parts < 1 or parts * shape[0] != size or parts > shape[1]:
        problem = f"is {size}, for {shape[0]} rows of {shape[1]}"
        raise source.refusal(f"the {name} matrix's `codesize`", problem, offset=place)
    codes = source.array("u1", size, f"the {name} matrix's codes").reshape(shape[0], parts)
    part_width, centroids = _read_quantizer(source, name, shape[1], parts)
    if not has_norms:
        return Quantized(codes, centroids, part_width, shape[1])
    norm_codes = source.array("u1", shape[0], f"the {name} matrix's codes of norms")
    _, norms = _read_quantizer(source, f"{name} norms'", 1, 1)
    return Quantized(codes, centroids, part_width, shape[1], norm_codes, norms)


def _read_quantizer(
    source: Bytes, name: str, width: int, parts: int
) -> tuple[int, NDArray[np.float32]]:
    """Take the centroids of `parts` parts of rows of `width`, and how wide a part is."""
    start = source.offset
    fields = ("dim", "nsubq", "dsub", "lastdsub")
    found = [source.scalar("<i4", f"the {name} quantiser's `{field}`") for field in fields]
    part_width = found[2]
    expected = [width, parts, part_width, width - (parts - 1) * part_width]
    if found != expected or not 0 < found[3] <= part_width:
        problem = (
            f"has {dict(zip(fields, found, strict=True))}, for {parts} parts of {width} numbers"
        )
        raise source.refusal(f"the {name} quantiser", problem, offset=start)
    centroids = source.array("<f4", width * CENTROIDS, f"the {name} centroids")
    _check_values(source, centroids, f"the {name} centroids")
    # Small, used for every row, and not where numbers should stand in memory.
    return part_width, centroids.astype(np.float32)


def _model(
    args: FastTextArgs, dictionary: Dictionary, matrix: Matrix, output: Matrix, encoding: str
) -> FastTextModel:
    known = len(dictionary.words)
    return FastTextModel(
        args=args,
        words=tuple(word.decode(encoding, "surrogateescape") for word in dictionary.words),
        word_counts=dictionary.counts[:known],
        labels=tuple(label.decode(encoding, "surrogateescape") for label in dictionary.labels),
        label_counts=dictionary.counts[known:],
        input=matrix,
        output=output,
        tokens=dictionary.tokens,
        pruned=dictionary.pruned,
        encoding=encoding,
    )
