"""Which C compiler this machine has."""

import os
import platform
import shlex
import shutil
import sys


class BuildError(Exception):
    """There's no compiler, or it fails."""


def find_compiler() -> tuple[str, ...]:
    """Return the command of a C compiler: that in `CC`, or else the first of cc, gcc, clang.

    `CC` may have arguments, such as ``ccache gcc``.

    Raises:
        BuildError: There's none.
    """
    wanted = os.environ.get("CC")
    calls = [[wanted], _words(wanted)] if wanted else [["cc"], ["gcc"], ["clang"]]
    for program, *given in calls:
        path = shutil.which(program)
        if path:
            return path, *given
    if wanted:
        raise BuildError(
            f"there's no C compiler called {wanted!r} (CC); unset CC, or name one that's there"
        )
    raise BuildError(f"there's no C compiler; {_how_to_install()}")


def _how_to_install() -> str:
    """Say how a C compiler is installed on this machine."""
    if sys.platform == "darwin":
        return "`xcode-select --install` installs one"
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "install gcc or clang"
    names = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    packages = {
        "debian": "sudo apt install build-essential",
        "ubuntu": "sudo apt install build-essential",
        "fedora": "sudo dnf install gcc",
        "rhel": "sudo dnf install gcc",
    }
    command = next((packages[name] for name in packages if name in names), None)
    return f"`{command}` installs one" if command else "install gcc or clang"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command) or [command]
    except ValueError:  # an unbalanced quotation mark
        return [command]
