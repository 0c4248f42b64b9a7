"""Random edits of valid pipeline files: each gives a valid file, or an error with a place.

Run it for many: ``python tests/config/edits.py 10000 [SEED]`` edits the files in pipelines/.
"""

import random
import sys
from collections import Counter
from pathlib import Path

from confection import Config

from seqpipe.config import PipelineFileError, check, expand, read
from seqpipe.plugins import find_part

PIECES = [
    *("$", "${", "${data.path}", "${pipeline}", "$${x}", "${a.b:c}", "}", "{", "[", "]", '"', "'"),
    *(
        "\\",
        "\0",
        "\t",
        "\r",
        "\n",
        "\n\n",
        "=",
        " = ",
        ":",
        "#",
        ";",
        "@",
        ".",
        ",",
        "*",
        "-",
        " ",
    ),
    *("é", "日本", "\u202e", "\ufeff", "\u2028", "😀", "\ud7ff", "null", "true", "NaN", "inf"),
    *("1e999", "-1", "0", "9" * 30, "9" * 5000, "0x10", "1_000", "1.5", "[[" * 300, '{"a":' * 200),
    *('"@readers"', "@readers", "[data]", "[encoder.cell]", "[a.b.c.d]", "x" * 3000),
]
VALUES = [
    *(
        '"text"',
        '""',
        "null",
        "true",
        "1",
        "-1",
        "0",
        "1.5",
        "[]",
        "{}",
        "[1, [2]]",
        '{"a": {"b": 1}}',
    ),
    *(
        '{"@readers": "x.v1"}',
        '{"@seqpipe_cells": "seqpipe.LSTM.v1"}',
        "9" * 40,
        "1e400",
        "${head}",
    ),
    *(
        "[" * 2000,
        '"' + "é" * 500 + '"',
        "$",
        '"$"',
        "${",
        "${nothing.there}",
        "\x00",
        "{'a': True}",
    ),
]


def edited(text: str, rng: random.Random) -> bytes:
    """Return a file with one to three random edits, as bytes."""
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        i = rng.randrange(len(lines))
        text = rng.choice([_line, _line, _value, _value, _key, _section, _piece, _characters])(
            lines, i, rng
        )
    data = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        at = rng.randrange(len(data) + 1)
        data = data[:at] + bytes(rng.choices(range(256), k=rng.randint(1, 4))) + data[at:]
    return data


def _line(lines, i, rng):
    j = rng.randrange(len(lines))
    what = rng.choice(["drop", "double", "swap", "move", "indent", "cut"])
    if what == "drop":
        del lines[i]
    elif what == "double":
        lines.insert(j, lines[i])
    elif what == "swap":
        lines[i], lines[j] = lines[j], lines[i]
    elif what == "move":
        lines.insert(j, lines.pop(i))
    elif what == "indent":
        lines[i] = rng.choice([" ", "\t", "    "]) + lines[i]
    else:
        lines[i] = lines[i][: rng.randint(0, len(lines[i]))]
    return "\n".join(lines)


def _value(lines, i, rng):
    lines[i] = lines[i].partition("=")[0] + "= " + rng.choice(VALUES)
    return "\n".join(lines)


def _key(lines, i, rng):
    others = [line.partition("=")[0] for line in lines if "=" in line]
    lines[i] = (
        rng.choice([*others, "@readers ", "x", "a.b", "*", ""]) + "=" + lines[i].partition("=")[2]
    )
    return "\n".join(lines)


def _section(lines, i, rng):
    names = [line for line in lines if line.startswith("[")] or ["[data]"]
    name = rng.choice(names)
    new = rng.choice(
        [name[:-1] + ".x]", name.lower()[:-2] + "]", "[training]", "[nlp]", "[]", "[a..b]"]
    )
    lines[lines.index(name) if name in lines and rng.random() < 0.5 else i] = new
    return "\n".join(lines)


def _piece(lines, i, rng):
    at = rng.randint(0, len(lines[i]))
    lines[i] = lines[i][:at] + rng.choice(PIECES) + lines[i][at:]
    return "\n".join(lines)


def _characters(lines, i, rng):
    characters = list(lines[i] or " ")
    rng.shuffle(characters) if rng.random() < 0.3 else characters.pop(
        rng.randrange(len(characters))
    )
    lines[i] = "".join(characters)
    return "\n".join(lines)


def answer(path: Path, overrides=()) -> str:
    """Check a file, and write out what it expands to.

    Returns:
        "valid", or the text of the error, each of whose problems has a place.
    """
    try:
        file = read(path, overrides)
        check(file)
        Config(expand(file.sections, file.makes, find_part), is_interpolated=False).to_str()
    except PipelineFileError as error:
        assert error.diagnostics
        assert all(found.place and found.message for found in error.diagnostics), str(error)
        return str(error)
    return "valid"


def main(count: int, seed: int) -> int:
    """Edit the shipped files; print what came of it, and each failure whole."""
    folder = Path(__file__).parents[2] / "pipelines"
    files = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/pipeline.cfg"))]
    scratch = Path(sys.argv[3]) if len(sys.argv) > 3 else Path("edited.cfg")
    found = Counter()
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        scratch.write_bytes(edited(rng.choice(files), rng))
        try:
            found["valid" if answer(scratch) == "valid" else "placed errors"] += 1
        except Exception as error:
            found["failures"] += 1
            if found["failures"] <= 20:
                print(f"seed {seed}, edit {number}: {type(error).__name__}: {str(error)[:300]}")
    scratch.unlink()
    print(f"{count:,} edits, seed {seed}: {dict(found)}")
    return int(found["failures"] > 0)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    raise SystemExit(main(*(numbers or [10_000]), *([] if len(numbers) > 1 else [0])))
