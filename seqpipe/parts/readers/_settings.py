"""Checks of the settings that every reader has."""

from dataclasses import dataclass
from typing import get_args

from seqpipe.errors import ConfigError
from seqpipe.parts.readers._contract import OnBadRow


@dataclass(frozen=True)
class Settings:
    """The settings of every reader: the path as written, the encodings to try, what to do with bad rows."""

    path: str
    encodings: tuple[str, ...]
    on_bad_row: OnBadRow


def check_settings(*, path: str, encoding: str | list[str], on_bad_row: OnBadRow) -> Settings:
    """Return the settings that every reader has.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """
    if not path:
        raise ConfigError("the reader's path is empty; name a file or folder")
    if on_bad_row not in get_args(OnBadRow):
        raise ConfigError(f'on_bad_row is {on_bad_row!r}; it may be "error" or "skip"')
    encodings = (encoding,) if isinstance(encoding, str) else tuple(encoding)
    if not encodings:
        raise ConfigError('encoding is an empty list; name at least one, such as "utf-8"')
    for name in encodings:
        check_encoding(name)
    return Settings(path=path, encodings=encodings, on_bad_row=on_bad_row)


def check_encoding(name: str) -> None:
    """Check that Python knows an encoding.

    Raises:
        ConfigError: It doesn't.
    """
    try:
        "a".encode(name)
    except (LookupError, ValueError, TypeError) as error:
        raise ConfigError(
            f"Python knows no text encoding {name!r}; "
            'common ones are "utf-8", "cp1252" (Windows, western Europe) and "utf-16"'
        ) from error
