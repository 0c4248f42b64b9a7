"""Why a plugin can't be used, and what to do about it."""

import traceback
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from seqpipe import __version__
from seqpipe.plugins._owner import Owner

_OURS = Path(__file__).parent


@dataclass(frozen=True)
class Trouble:
    """What keeps a plugin from being used.

    Attributes:
        reason: What is wrong, naming the plugin and its owner.
        fix: What would probably help.
        traceback: Where it went wrong, from the plugin's own code on; "" if no code of it ran.
    """

    reason: str
    fix: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.reason}; {self.fix}"


class TroubleError(Exception):
    """A plugin was found to be unusable."""

    def __init__(self, reason: str, fix: str, cause: BaseException | None = None) -> None:
        super().__init__(reason)
        self.trouble = Trouble(reason, fix, _from_the_plugin_on(cause) if cause else "")


def tell_authors(owner: Owner) -> str:
    """Return the advice for a plugin that breaks its contract."""
    return f"tell the authors of {owner.name}, and try another version of it until then"


def import_fix(error: BaseException, module: str, owner: Owner) -> str:
    """Return what would probably make the import of a plugin's module succeed."""
    if isinstance(error, ImportError) and error.name:
        missing = error.name.partition(".")[0]
        if missing == "seqpipe":
            return (
                f"{owner.name} was written for another seqpipe than {__version__}: "
                f"pip install --upgrade seqpipe {owner.name}"
            )
        if error.name == module:
            return f"its files are incomplete: pip install --force-reinstall --no-deps {owner.name}"
        if isinstance(error, ModuleNotFoundError):
            return _install(missing, owner)
    if isinstance(error, SyntaxError):
        return f"it's damaged, or made for another Python: pip install --upgrade {owner.name}"
    return f"pip install --upgrade {owner.name}, or pip uninstall {owner.name}"


def _install(module: str, owner: Owner) -> str:
    wanted = [str(r) for r in owner.requirements() if canonicalize_name(r.name) == module.lower()]
    if wanted:
        return f'pip install "{wanted[0]}"'
    return f"pip install {owner.name}, which installs what it needs; else pip install {module}"


def _from_the_plugin_on(error: BaseException) -> str:
    """Return a traceback without the frames of this package, of pluggy and of the import system."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not _is_machinery(frame.filename)]
    listed = traceback.format_list(theirs)
    return "".join([*listed, *traceback.format_exception_only(type(error), error)]).rstrip()


def _is_machinery(file: str) -> bool:
    path = Path(file)
    return (
        path.parent == _OURS
        or file.startswith("<frozen importlib")
        or path.parent.name in ("importlib", "pluggy")
    )
