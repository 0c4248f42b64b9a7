"""``seqpipe upgrade``."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from seqpipe.cli._options import AsJson

#: The style of a line of a diff, by its first character.
_STYLES = {"-": "red", "+": "green", "@": "cyan"}


def upgrade_command(
    file: Annotated[Path, typer.Argument(help="The pipeline file.", show_default=False)],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if something would change.")
    ] = False,
    new_defaults: Annotated[
        bool,
        typer.Option(
            "--new-defaults", help="Take the defaults of the new versions, which changes results."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rename the parts of a pipeline file to their newest versions, and show what changes.

    Where a default differs between two versions and the file doesn't give the setting, the old
    default is written down, so that the part keeps its settings. Comments, order and all other
    lines stay.

        seqpipe upgrade pipeline.cfg

        seqpipe upgrade pipeline.cfg --check

        seqpipe upgrade pipeline.cfg --new-defaults
    """
    from seqpipe import storage
    from seqpipe.cli._recorded import read_checked
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import make_console, print_json
    from seqpipe.config import check as find_mistakes
    from seqpipe.config import upgrade
    from seqpipe.reporting import escaped

    with redirected_output():
        source, is_checked = read_checked(file, ())
        if not is_checked:
            find_mistakes(source)
        # As bytes, since Python would change the line ends.
        before = file.read_bytes().decode("utf-8")
        found = upgrade(source, before, new_defaults=new_defaults)
    changes = found.text != before
    is_written = changes and not check
    if is_written:
        mode = file.stat().st_mode
        storage.write_file(file, lambda stream: stream.write(found.text.encode("utf-8")))
        file.chmod(mode & 0o7777)
    if as_json:
        told = {"file": str(file), "changes": changes, "is_written": is_written}
        print_json({**told, "text": found.text, "notes": [*found.notes]})
    console = make_console(quiet=as_json)
    _print_diff(console, before, found.text, escaped(file))
    for note in found.notes:
        console.print(f"note: {escaped(note)}")
    if not changes:
        console.print(f"{escaped(file)}: there's nothing to upgrade")
    elif is_written:
        console.print(f"{escaped(file)} is upgraded")
    else:
        console.print(f"{escaped(file)} would be upgraded")
        raise typer.Exit(1)


def _print_diff(console: Any, before: str, after: str, name: str) -> None:
    from rich.text import Text

    from seqpipe.reporting import escaped

    old, new = (
        text.replace("\r\n", "\n").replace("\r", "\n").split("\n") for text in (before, after)
    )
    for number, line in enumerate(difflib.unified_diff(old, new, name, name, n=1, lineterm="")):
        # The first two are the names.
        style = _STYLES.get(line[:1], "") if number > 1 else "bold"
        console.print(Text(escaped(line), style))
