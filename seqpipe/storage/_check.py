"""Does a folder hold exactly what its manifest says?"""

from pathlib import Path
from typing import Final

from seqpipe.errors import SavedModelError
from seqpipe.storage._files import hash_file, is_dropping, list_files
from seqpipe.storage._manifest import Entry, read_manifest

_SHOWN: Final = 5

#: It describes the model to people and to package managers. Whoever packages a model rewrites it.
_DESCRIPTION: Final = "meta.json"


def check_folder(path: Path) -> None:
    """Check that a folder holds the files of its manifest, unchanged, and no others among them.

    Files that no part reads may have been added: beside the model's own files and folders, such as a
    README, a licence or ``.git/``, and hidden ones anywhere. The description may have been rewritten.

    Raises:
        SavedModelError: It doesn't; the message names the first few files that differ.
    """
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise SavedModelError(f"{path} {what}, so there is no saved model to read.")
    entries = read_manifest(path)
    try:
        sizes = list_files(path, within={name.partition("/")[0] for name in entries})
    except OSError as error:
        raise SavedModelError(f"{path} can't be read: {error.strerror}.") from error
    problems = _problems(path, entries, sizes)
    if problems:
        raise SavedModelError(_message(path, problems))


def _problems(path: Path, entries: dict[str, Entry], sizes: dict[str, int]) -> list[str]:
    missing = [f"{name} is missing" for name in entries if name not in sizes]
    others = [name for name in sizes if name not in entries and not _is_hidden(name)]
    added = [f"{name} was not there when it was saved" for name in others]
    both = [name for name in entries if name in sizes and name != _DESCRIPTION]
    changed = [_changed(path / name, name, entries[name], sizes[name]) for name in both]
    return missing + [problem for problem in changed if problem] + added


def _is_hidden(name: str) -> bool:
    return is_dropping(name) or any(part.startswith(".") for part in name.split("/"))


def _changed(path: Path, name: str, entry: Entry, size: int) -> str | None:
    if size != entry.size:
        return f"{name} has {size} bytes instead of {entry.size}"
    try:
        same = hash_file(path) == entry.sha256
    except OSError as error:
        return f"{name} can't be read: {error.strerror}"
    return None if same else f"{name} has other content"


def _message(path: Path, problems: list[str]) -> str:
    shown = [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        shown.append(f"  and {len(problems) - _SHOWN} more")
    return "\n".join(
        [
            f"{path} is damaged or incomplete, or was changed after it was saved:",
            *shown,
            "Nothing was loaded. Copy the folder again from where it came from, or train it again; "
            "move away what was added.",
        ]
    )
