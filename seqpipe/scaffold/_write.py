"""Writes a new folder, whole or not at all."""

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from seqpipe.errors import PluginError


def write_new(folder: Path, files: Mapping[str, str]) -> None:
    r"""Write files into a folder that's new or empty, as UTF-8 with "\n" between lines.

    They're written beside it first, so that a failure leaves nothing.

    Args:
        folder: Where to.
        files: Their texts, by their POSIX paths in the folder.

    Raises:
        PluginError: Something stands there already, or it can't be written.
    """
    part = folder.with_name(f".{folder.name}.part-{secrets.token_hex(4)}")
    try:
        _check_free(folder)
        _write(part, files)
        if folder.exists():
            folder.rmdir()  # Windows moves nothing onto a folder, not even onto an empty one.
        part.rename(folder)
    except OSError as error:
        raise PluginError(
            f"{folder} can't be written ({error.strerror or error}): choose another name or place"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_free(folder: Path) -> None:
    if not folder.parent.is_dir():
        raise PluginError(f"there's no folder {folder.parent}: make it first, or choose another")
    if folder.is_symlink() or (folder.exists() and not _is_empty_folder(folder)):
        raise PluginError(
            f"{folder} is there already, and nothing is overwritten: move it away, or choose another "
            "name or place"
        )


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
