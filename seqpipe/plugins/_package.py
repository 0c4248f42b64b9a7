"""The record of which package a part came from, next to the part's settings in a configuration.

Each third-party part has an additional setting, `package`, whose default names the installed package
with its version. spaCy writes defaults into a pipeline's configuration, so a saved pipeline records
what it needs, and loading it without that says what to install. Nothing is ever installed here.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from packaging.version import InvalidVersion, Version

from seqpipe.errors import PluginError
from seqpipe.plugins._owner import Owner, canonical_name

PACKAGE: Final = "package"
#: The form of a record: "seqpipe-chinese 1.2.0", or the name alone for any version.
_RECORD: Final = re.compile(r"([A-Za-z0-9][\w.-]*)(?: (\S+))?", re.ASCII)


def check_package(package: str, name: str, owner: Owner) -> None:
    """Check that a part comes from the recorded package, in the same major version.

    Args:
        package: The record, such as "seqpipe-chinese 1.2.0".
        name: The part's name.
        owner: The package that provides the part here.

    Raises:
        PluginError: It's from another package, or from another major version.
    """
    wanted, version = _parse(package, name)
    same_name = _has_name(owner, wanted)
    if same_name and (version is None or version.major == _major(owner)):
        return
    before = "" if same_name else f"pip uninstall {owner.name}, and then "
    raise PluginError(
        f"{_needs(name, package)}, but {owner} is installed: {before}{_install(wanted, version)}"
    )


def absent(name: str, package: str, error: PluginError, owners: Iterable[Owner]) -> PluginError:
    """Return the error for a part that can't be loaded, naming the recorded package.

    Args:
        name: The part's name.
        package: The record.
        error: Why it can't be loaded.
        owners: The packages whose plugin should provide it.
    """
    try:
        wanted, version = _parse(package, name)
    except PluginError as nonsense:
        return PluginError(f"{error}; {nonsense}")
    text = f"{_needs(name, package)}, and can't be loaded: {error}"
    if any(_has_name(owner, wanted) and _is_recent_enough(owner, version) for owner in owners):
        return PluginError(text)
    return PluginError(f"{text}\n  {_install(wanted, version)}")


def checked_type(name: str, owner: Owner) -> type:
    """Return a type for the setting that accepts only matching records.

    confection validates it when it checks a block, before it reports unknown settings: in another major
    version settings may have other names, and then the version is the actual problem.
    """

    class Package:
        @classmethod
        def __get_validators__(cls) -> Iterator[Callable[[Any], Any]]:
            yield check

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise TypeError("it's a string")
        check_package(value, name, owner)
        return value

    return Package


def _parse(package: str, name: str) -> tuple[str, Version | None]:
    try:
        match = _RECORD.fullmatch(package)
        return match[1], match[2] and Version(match[2])  # type: ignore[index,return-value]
    except (TypeError, InvalidVersion):
        raise PluginError(
            f"the `{PACKAGE}` of {name} is {package!r}: it should be a package's name and version, such as "
            "seqpipe-chinese 1.2.0"
        ) from None


def _needs(name: str, package: str) -> str:
    return f"{name} needs {package}, as its `{PACKAGE}` says"


def _install(name: str, version: Version | None) -> str:
    if version is None:
        return f"pip install {name}"
    # A local version, after the "+", isn't allowed in a requirement.
    return f'pip install "{name}>={version.public},<{version.major + 1}"'


def _has_name(owner: Owner, name: str) -> bool:
    return canonical_name(owner.name) == canonical_name(name)


def _is_recent_enough(owner: Owner, version: Version | None) -> bool:
    if version is None:
        return True
    return _major(owner) == version.major and Version(owner.version) >= version


def _major(owner: Owner) -> int | None:
    try:
        return Version(owner.version).major
    except InvalidVersion:
        return None
