"""Reports problems of a file's values at their places."""

from collections.abc import Iterable, Sequence
from typing import Any

from seqpipe.config._describe import describe, expects
from seqpipe.config._read import PipelineFile
from seqpipe.config._types import is_block, misfit
from seqpipe.messages import (
    COMMAND_LINE,
    Diagnostic,
    Problems,
    did_you_mean,
    listed,
    nearest,
    quote,
)

Path = tuple[str, ...]


class Report:
    """Turns what's wrong with a path of a file into diagnostics."""

    def __init__(self, file: PipelineFile, problems: Problems) -> None:
        self.file = file
        self._problems = problems

    def add(
        self,
        path: Sequence[str | int],
        message: str,
        label: str = "",
        *,
        value: bool = False,
        help: Iterable[str] = (),
    ) -> None:
        """Report a problem at a name, or at its value."""
        place = self.file.place(path, value=value)
        target = self.file.index.target(tuple(path)) if value else None
        also = (
            ((self.file.place(target, value=True), "the value comes from here"),) if target else ()
        )
        self._problems.add(Diagnostic(message, place, label, also, tuple(help)))

    def unknown(
        self, path: Path, known: Iterable[str], *, owner: str = "", help: str = ""
    ) -> list[str]:
        """Report an unknown key or section; return the names that were probably meant."""
        known = list(known)
        near = nearest(path[-1], known)
        kind = "section" if self._is_section(path) else "key"
        message = f"{title(path[:-1])}{owner} has no {kind} {quote(path[-1])}"
        takes = f"it takes {listed(known)}" if known else "it takes none"
        self.add(path, message, did_you_mean(near), help=(help or takes,))
        return near

    def missing(self, path: Path, name: str, *, owner: str = "") -> None:
        """Report a missing key."""
        message = f"{title(path)}{owner} needs a value for {quote(name)}"
        self.add(path, message, f"add {name} = …")

    def check_plain(self, path: Path, value: Any, annotation: Any) -> bool:
        """Report a value of the wrong type, or a block where its function wouldn't be called."""
        if not is_block(value):
            return self.check_type(path, value, annotation)
        names = quote(".".join(path))
        message = f"{names}: expected {expects(annotation)}, got {describe(value)}"
        self.add(path, message, value=True)
        return False

    def check_type(self, path: Path, value: Any, annotation: Any, *, label: str = "") -> bool:
        """Report the innermost value that doesn't fit an annotation; return whether all fit."""
        found = misfit(value, annotation)
        if found is None:
            return True
        at = (*path, *found.path)
        names = ".".join(str(step) for step in at if not isinstance(step, int))
        where = f"{quote(names)}" + "".join(
            f", item {s + 1}" for s in found.path if isinstance(s, int)
        )
        self.add(at, f"{where}: {found.message}", label or found.label, value=True)
        return False

    def no_block(self, path: Path, section: dict[str, Any], help: str = "") -> None:
        """Report every ``@`` key of a section that can't have any."""
        for key in section:
            if key.startswith("@"):
                message = f"{title(path)} is a section of plain settings, and names no function"
                self.add((*path, key), message, "remove this line", help=(help,) if help else ())

    def _is_section(self, path: Path) -> bool:
        value: Any = self.file.sections
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return isinstance(value, dict) and self.file.place(path).source != COMMAND_LINE


def title(path: Path) -> str:
    """Return the path as a section header."""
    return f"[{quote('.'.join(path))[1:-1]}]"
