"""How the commands about plugins print: fitted to terminals, untouched elsewhere."""

import io

from rich.console import Console
from rich.text import Text

from seqpipe.cli.plugins._screen import print_columns, print_prose, waiting

TEXT = """The words of this paragraph go over the end of a line, and {name} is among
them.

    h' = tanh(W x)   # as long as it likes to be, since it's no paragraph

- an item of a list that's rather long too, and that nobody should put
- together with another one
"""


def printed(*, terminal, width=40, name="name"):
    console = Console(
        file=io.StringIO(), force_terminal=terminal, width=width, color_system=None, soft_wrap=True
    )
    print_prose(console, TEXT.format(name=name), indent=2)
    return console.file.getvalue().splitlines()


def test_paragraphs_are_broken_to_fit_a_terminal():
    lines = printed(terminal=True)
    paragraph = lines[: lines.index("")]
    assert len(paragraph) == 3
    assert all(line.startswith("  ") and len(line) <= 40 for line in paragraph)


def test_formulas_and_lists_keep_their_lines():
    lines = printed(terminal=True)
    for line in TEXT.splitlines()[3:]:
        assert f"  {line}".rstrip() in lines


def test_name_that_is_longer_than_the_line_is_not_broken():
    name = "acme.Very-Long." * 8
    assert any(name in line for line in printed(terminal=True, name=name))


def test_lines_stay_as_they_are_in_files_and_pipes():
    expected = [f"  {line}".rstrip() for line in TEXT.format(name="name").splitlines()]
    assert [line.rstrip() for line in printed(terminal=False)] == expected


def test_columns_are_aligned_in_wide_scripts_too():
    console = Console(file=io.StringIO(), width=20, soft_wrap=True)
    print_columns(
        console, [[Text("词词"), Text("b")], [Text("a"), Text("")], [Text("abc"), Text("d")]]
    )
    assert console.file.getvalue() == "  词词  b\n  a\n  abc   d\n"


def test_waiting_shows_on_terminals_only(capsys):
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
        with waiting("importing [a]…", console) as say:
            say("importing [b]…")
        assert ("importing [b]…" in console.file.getvalue()) is terminal
    assert capsys.readouterr() == ("", "")
