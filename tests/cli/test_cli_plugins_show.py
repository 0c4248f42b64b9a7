"""``seqpipe plugins show``: what a part says of itself, and a section that can be pasted."""

import json
import re

import pytest
from e2e.small_world import PIPELINE

from seqpipe import builtin
from seqpipe.config import compile_file
from seqpipe.hookspecs import KINDS

BUILTIN = [name for kind in KINDS for name in getattr(builtin, f"seqpipe_{kind}")()]

#: Settings of every sort, in a part that nobody describes.
ODD = """
import enum, functools, math
from pathlib import Path
from typing import Any, Literal

class Colour(enum.Enum):
    RED = "red"

def fold(text):
    return text

class Odd:
    def __init__(
        self,
        *,
        needed: list[str],
        fold: Any = fold,
        limit: float = math.inf,
        missing: float = math.nan,
        colour: Colour = Colour.RED,
        path: Path = Path("a") / "b",
        price: str = "5 $ {x} ${y}",
        größe: str = "Ä\\n\\"词\\" \\ud800",
        names: dict[str, int] = {"a": 1},
        wrong: int = "seven",
        whatever=None,
        mode: Literal["a", "b"] | None = None,
        back: object = functools.partial(int, base=2),
    ) -> None:
        pass

    def __call__(self, text):
        return text.split()

@hookimpl
def seqpipe_tokenizers():
    return {"odd.Odd.v1": Odd}
"""


def section_of(called):
    return called.out.partition("in a pipeline file\n\n")[2]


def pasted(section):
    """Return a pipeline file, its sections of that name replaced by the one given."""
    names = re.findall(r"^\[(.+)\]$", section, re.M)
    if "classifier" in names:  # a whole model, in the place of these
        names += ["embedder", "encoder", "head", "training"]
    kept = [
        each
        for each in re.split(r"^(?=\[)", PIPELINE, flags=re.M)
        if not any(each.startswith((f"[{name}]", f"[{name}.")) for name in names)
    ]
    # What's required is a path in all parts of ours that need something.
    given = re.sub(r"^# (\w+) = …   required.*$", r'\1 = "somewhere"', section, flags=re.M)
    return "".join(kept) + given


def shown_setting(out, name):
    """Return the line of a setting, and the one below it."""
    found = re.search(rf"^  {name}   (.*)\n(?:      (.*))?", out, re.M)
    assert found
    return found.groups()


@pytest.mark.parametrize("name", BUILTIN)
def test_section_of_every_part_of_ours_can_be_pasted(call, tmp_path, name):
    section = section_of(call("plugins", "show", name))
    assert f'"{name}"' in section
    file = tmp_path / "pipeline.cfg"
    file.write_text(pasted(section), encoding="utf-8")
    assert compile_file(file)


def test_part_is_shown_with_owner_place_documentation_and_settings(call):
    called = call("plugins", "show", "seqpipe.LSTM.v1")
    assert (called.code, called.err) == (0, "")
    first, second, *_ = called.out.splitlines()
    assert first.startswith("seqpipe.LSTM.v1   a cell of seqpipe ")
    assert second == "code: seqpipe.parts.cells:LSTM"
    assert "Hochreiter & Schmidhuber" in called.out
    assert "    c' = f c + i g\n" in called.out
    assert "::" not in called.out and "Args" not in called.out
    line, says = shown_setting(called.out, "forget_bias")
    assert line == "float = 1.0" and says.startswith("The initial value of b_f")
    supplied = called.out.partition("supplied by the pipeline")[2]
    assert "input_width\n      The width of x." in supplied


def test_section_has_the_part_inside_of_a_part_in_a_section_of_its_own(call):
    called = call("plugins", "show", "seqpipe.Recurrent.v1")
    line, _ = shown_setting(called.out, "cell")
    assert line == "a cell, in a section of its own = null"
    assert shown_setting(called.out, "window")[0] == "int | None = null"
    outer, inner = section_of(called).split("\n\n")
    assert outer.startswith('[encoder]\n@seqpipe_encoders = "seqpipe.Recurrent.v1"\nwidth = 128\n')
    assert "bidirectional = true\nwindow = null\n" in outer and "cell" not in outer
    assert inner.startswith(
        '[encoder.cell]\n@seqpipe_cells = "seqpipe.LSTM.v1"\nforget_bias = 1.0\n'
    )


def test_types_are_spelt_as_programmers_do(call):
    out = call("plugins", "show", "seqpipe.TextClassifier.v1").out
    one = '"last" | "mean" | "max" | "attention"'
    assert shown_setting(out, "pool")[0] == f'{one} | list[{one}] = ["mean", "max"]'


def test_part_that_is_bound_in_part_has_the_docstring_and_its_own_defaults(call):
    first = call("plugins", "show", "seqpipe.TextClassifier.v1").out
    out = call("plugins", "show", "seqpipe.TextClassifier.v2").out
    assert "Pools a text's contextual vectors" in out and "partial(" not in out
    assert shown_setting(out, "pool")[0].endswith('= ["mean", "max", "attention"]')
    assert shown_setting(out, "dropout")[0] == "float = 0.3"
    assert shown_setting(out, "dropout")[1:] == shown_setting(first, "dropout")[1:]
    for setting in ("exclusive", "label_smoothing"):
        assert shown_setting(out, setting) == shown_setting(first, setting)


def test_odd_defaults_and_no_docstring_are_shown(call, install):
    install("odd", ODD)
    called = call("plugins", "show", "odd.Odd.v1")
    assert (called.code, called.err) == (0, "")
    expected = {
        "needed": "list[str]   required",
        "fold": "anything = fold",
        "limit": "float = Infinity",
        "missing": "float = nan",
        "colour": '"red" = "red"',
        "path": 'path = "a/b"',
        "price": 'str = "5 $$ {x} $${y}"',
        "names": 'dict[str, int] = {"a": 1}',
        "wrong": "int = seven",
        "whatever": "anything = null",
        "mode": '"a" | "b" | None = null',
    }
    shown = {name: shown_setting(called.out, name)[0] for name in expected}
    assert shown == expected | {"wrong": "int = 'seven'"}
    section = section_of(called)
    assert "# needed = …   required: list[str]\n" in section
    assert "# missing is nan by default, which a file can't express\n" in section
    assert "# fold is fold by default, which a file can't express\n" in section


def test_section_with_what_has_to_be_given_filled_in_can_be_pasted(call, install, tmp_path):
    install("odd", ODD)
    section = section_of(call("plugins", "show", "odd.Odd.v1"))
    section = re.sub(r"# needed = ….*", 'needed = ["a"]', section)
    file = tmp_path / "pipeline.cfg"
    file.write_text(pasted(section), encoding="utf-8")
    tokenizer = compile_file(file)["nlp"]["tokenizer"]["tokenizer"]
    assert tokenizer["limit"] == float("inf")
    assert tokenizer["names"] == {"a": 1}
    assert tokenizer["größe"].startswith('Ä\n"词" ')


def test_json_has_everything_under_stable_names(call, install):
    install("odd", ODD)
    called = call("plugins", "show", "odd.Odd.v1", "--json")
    shown = json.loads(called.out, parse_constant=pytest.fail)
    assert list(shown) == [
        *("name", "kind", "package", "version", "code", "summary", "text", "notes"),
        *("settings", "sizes", "section"),
    ]
    assert (shown["kind"], shown["package"], shown["version"]) == ("tokenizers", "odd-parts", "1.2")
    assert shown["code"].endswith(":Odd") and shown["summary"] == shown["text"] == ""
    settings = {setting.pop("name"): setting for setting in shown["settings"]}
    assert settings["needed"] == {
        "type": "list[str]",
        "part": False,
        "required": True,
        "default": None,
        "default_text": "",
        "text": "",
    }
    assert settings["names"]["default"] == {"a": 1}
    assert settings["limit"] | {"text": ""} == {
        "type": "float",
        "part": False,
        "required": False,
        "default": None,
        "default_text": "Infinity",
        "text": "",
    }


def test_plugin_is_shown_with_a_line_about_each_part(call, install):
    install("odd", ODD)
    called = call("plugins", "show", "seqpipe")
    assert called.code == 0
    assert "  seqpipe.Whitespace.v1\n      Split at white space" in called.out
    assert [line for line in called.out.splitlines() if line in KINDS] == list(KINDS)
    assert "  odd.Odd.v1\n" in call("plugins", "show", "odd").out
    assert "  odd.Odd.v1\n" in call("plugins", "show", "odd-parts").out
    shown = json.loads(call("plugins", "show", "odd", "--json").out)
    assert shown == {
        "name": "odd",
        "package": "odd-parts",
        "version": "1.2",
        "parts": [
            {
                "name": "odd.Odd.v1",
                "kind": "tokenizers",
                "summary": "",
                **dict.fromkeys(("reason", "fix", "traceback")),
            }
        ],
    }


def test_part_that_cannot_be_imported_says_why(call, install):
    install(
        "acme", '@hookimpl\ndef seqpipe_cells():\n    return {"acme.Cell.v1": "nowhere_:Cell"}\n'
    )
    called = call("plugins", "show", "acme.Cell.v1")
    assert called.code == 1
    assert called.err.startswith("error: acme.Cell.v1 of acme-parts 1.2")
    assert "No module named 'nowhere_'" in called.err and called.out == ""
    called = call("plugins", "show", "acme")
    assert called.code == 1
    assert "acme.Cell.v1   broken\n      acme.Cell.v1 of acme-parts 1.2" in called.out
    called = call("plugins", "show", "acme", "--json")
    (part,) = json.loads(called.out)["parts"]
    assert called.code == 1 and part["summary"] is None
    assert "No module named 'nowhere_'" in part["reason"] and part["fix"]


def test_part_that_takes_anything_says_why_it_cannot_be_used(call, install):
    install("acme", '@hookimpl\ndef seqpipe_tokenizers():\n    return {"acme.Any.v1": dict}\n')
    called = call("plugins", "show", "acme.Any.v1")
    assert called.code == 1 and "acme.Any.v1 of acme-parts 1.2" in called.err


def test_broken_plugin_says_why(call, install):
    install("broken", "raise RuntimeError('no drive')")
    for name in ("broken", "broken.Cell.v1"):
        called = call("plugins", "show", name)
        assert called.code == 1
        assert called.err.startswith("error: the plugin 'broken' of broken-parts 1.2 can't be")
        assert "no drive" in called.err and "Traceback" not in called.err


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("seqpipe.LTSM.v1", "seqpipe.LSTM.v1"),
        ("sepqipe.LSTM.v1", "seqpipe.LSTM.v1"),
        ("seqpipe.LSTM.v7", "seqpipe.LSTM.v1"),
        ("LSTM", "seqpipe.LSTM.v1"),
        ("seqpipe.lstm", "seqpipe.LSTM.v1"),
        ("whitespace", "seqpipe.Whitespace.v1"),
        ("sepqipe", "seqpipe"),
        ("Odd", "odd.Odd.v1"),
    ],
)
def test_unknown_name_suggests_near_ones_of_all_plugins(call, install, name, meant):
    install("odd", ODD)
    called = call("plugins", "show", name)
    assert called.code == 1 and called.out == ""
    assert called.err.startswith(f"error: no plugin or part is called {name!r}; did you mean")
    assert repr(meant) in called.err


@pytest.mark.parametrize("name", ["", ".", "zzzzzz", "seqpipe.zzzzzz.v1", "a.b.c.d", "[x]"])
def test_name_that_is_like_none_says_where_names_are_listed(call, name):
    called = call("plugins", "show", name)
    assert called.code == 1
    assert "`seqpipe plugins" in called.err and "did you mean" not in called.err


def test_name_of_parts_of_two_kinds_shows_both(call, install):
    text = ODD + "\n\ndef make():\n    return None\n\n@hookimpl\ndef seqpipe_embedders():\n"
    install("odd", text + '    return {"odd.Odd.v1": make}\n')
    out = call("plugins", "show", "odd.Odd.v1").out
    assert "a tokenizer of odd-parts" in out and "an embedder of odd-parts" in out
