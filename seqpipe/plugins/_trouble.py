"""Why a plugin can't be used, and what to do about it."""

import importlib
import traceback
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

import pluggy

from seqpipe import __version__
from seqpipe.errors import SeqpipeError
from seqpipe.plugins._owner import Owner, canonical_name

#: The folders of code that runs between a plugin and its caller.
_MACHINERY: Final = tuple(
    Path(file).parent for file in (__file__, importlib.__file__, pluggy.__file__)
)


@dataclass(frozen=True)
class Trouble:
    """Why a plugin or a part can't be used.

    Attributes:
        reason: What is wrong, naming the plugin or the part, and its owner.
        fix: A probable fix; "" if the reason includes it.
        traceback: The traceback, starting in the plugin's own code; "" if none of it ran.
    """

    reason: str
    fix: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.reason}; {self.fix}" if self.fix else self.reason


class TroubleError(Exception):
    """A plugin or a part was found to be unusable."""

    def __init__(self, reason: str, fix: str, cause: BaseException | None = None) -> None:
        super().__init__(reason)
        self.trouble = Trouble(reason, fix, _format_traceback(cause) if cause else "")


def trouble_of(error: SeqpipeError) -> Trouble:
    """Return the trouble that an error is about."""
    cause = error.__cause__
    if isinstance(cause, TroubleError):
        return cause.trouble
    return Trouble(str(error), "", _format_traceback(cause) if cause else "")


def advise_authors(owner: Owner, error: BaseException | None = None) -> str:
    """Return the advice for a plugin that breaks its contract, possibly by an error in its code."""
    if owner.folder:
        return f"fix it in {_place(owner.folder, error)}"
    return f"report it to the authors of {owner.name}, and use another version until then"


def _place(folder: Path, error: BaseException | None) -> str:
    """Return where in a folder an error was raised, or the folder."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    root = folder.resolve()
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(root)]
    return f"{inside[-1].filename}, line {inside[-1].lineno}" if inside else str(folder)


def import_guarded(entry_point: EntryPoint, who: str, owner: Owner) -> Any:
    """Return what an entry point, or a reference like one, names.

    Raises:
        TroubleError: Importing it raised anything but `KeyboardInterrupt`.
    """
    try:
        return entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as SystemExit, or pytest's exception to skip a module
        raise import_error(error, entry_point.module, who, owner) from error


def import_error(error: BaseException, module: str, who: str, owner: Owner) -> TroubleError:
    """Return the error for something whose module can't be imported.

    Args:
        error: What importing it raised, or would raise.
        module: The module's name.
        who: What needs it, for the message.
        owner: The distribution that names the module.
    """
    fix = _import_fix(error, module, owner)
    cause = error if error.__traceback__ else None
    return TroubleError(f"{who} can't be imported ({describe_error(error)})", fix, cause)


def _import_fix(error: BaseException, module: str, owner: Owner) -> str:
    """Return how to make the import of a plugin's module succeed, probably."""
    if owner.folder:
        return _author_fix(error, owner, owner.folder)
    if isinstance(error, ImportError) and error.name:
        missing = error.name.partition(".")[0]
        if missing == "seqpipe":
            return (
                f"{owner.name} was written for another version of seqpipe than {__version__}: "
                f"pip install --upgrade seqpipe {owner.name}"
            )
        if isinstance(error, ModuleNotFoundError):
            if missing == module.partition(".")[0]:
                return (
                    f"files of it are missing: pip install --force-reinstall --no-deps {owner.name}"
                )
            return _install(missing, owner)
    if isinstance(error, SyntaxError):
        return f"it's damaged, or written for another Python version: pip install --upgrade {owner.name}"
    return f"pip install --upgrade {owner.name}, or pip uninstall {owner.name}"


def _author_fix(error: BaseException, owner: Owner, folder: Path) -> str:
    """Return the fix for the plugin's author."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0]
        if wanted := _wanted(missing, owner):
            return f'pip install "{wanted}"'
        return (
            f"correct the name in {folder}; if it's of another package, install that, and add it to the "
            "dependencies in pyproject.toml"
        )
    if isinstance(error, SyntaxError) and error.filename:
        return f"fix it in {error.filename}, line {error.lineno}"
    return advise_authors(owner, error)


def describe_error(error: BaseException) -> str:
    """Return the type and the message of an error."""
    try:
        text = str(error)
    except Exception:
        text = "without a message that can be shown"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _install(module: str, owner: Owner) -> str:
    if wanted := _wanted(module, owner):
        return f'pip install "{wanted}"'
    return f"pip install {owner.name}, which installs what it needs; else pip install {module}"


def _wanted(module: str, owner: Owner) -> str | None:
    """Return the requirement of a distribution that a module is probably from."""
    name = canonical_name(module)
    wanted = [str(r) for r in owner.requirements() if canonical_name(r.name) == name]
    return wanted[0] if wanted else None


def _format_traceback(error: BaseException) -> str:
    """Return a traceback, and those of its causes, without frames outside of plugins."""
    formatted = traceback.TracebackException.from_exception(error)
    link: traceback.TracebackException | None = formatted
    while link:
        link.stack[:] = [frame for frame in link.stack if not _is_machinery(frame.filename)]
        link = link.__cause__ or link.__context__
    if not formatted.stack and not formatted.__cause__:
        return "".join(formatted.format_exception_only()).rstrip()
    return "".join(formatted.format()).rstrip()


def _is_machinery(file: str) -> bool:
    return file.startswith("<frozen importlib") or any(
        Path(file).is_relative_to(folder) for folder in _MACHINERY
    )
