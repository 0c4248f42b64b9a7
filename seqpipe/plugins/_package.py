"""The record of which package a part came from, beside the part's settings in a configuration.

Each part of a third party takes one setting more, `package`, whose default names the installed package
with its version. spaCy writes defaults into a pipeline's configuration, so a saved pipeline says
what it needs, and whoever loads it without that is told what to install.
"""

import re
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from seqpipe.errors import PluginError
from seqpipe.plugins._owner import Owner

PACKAGE: Final = "package"


def check_package(package: str, name: str, owner: Owner) -> None:
    """Check that a part comes from the package that's recorded, in the same major version.

    Args:
        package: The record, such as "seqpipe-chinese 1.2.0".
        name: The part's name.
        owner: The package that offers the part here.

    Raises:
        PluginError: It's from another package, or from another major version.
    """
    wanted, _, version = package.partition(" ")
    same = canonicalize_name(wanted) == canonicalize_name(owner.name)
    if not same or _major(version) != _major(owner.version):
        raise PluginError(
            f"{name} is wanted from {package}, and {owner} is installed: {install(package)}"
        )


def absent(name: str, package: str, error: PluginError) -> PluginError:
    """Return the error for a part that can't be had, naming the package that it was made with."""
    return PluginError(
        f"{name} was made with {package}, and can't be had here: {error}\n  {install(package)}"
    )


def install(package: str) -> str:
    """Return the command that installs what's recorded: "seqpipe-chinese 1.2.0"."""
    name, _, version = package.partition(" ")
    major = _major(version)
    if not re.fullmatch(r"[\w.-]+", name):
        return "its `package` should be a name and a version, such as seqpipe-chinese 1.2.0"
    if major is None:
        return f"pip install {name}"
    return f'pip install "{name}>={version},<{major + 1}"'


def _major(version: str) -> int | None:
    try:
        return Version(version).major
    except InvalidVersion:
        return None
