"""Turns errors that are raised after the check into errors with places in the file.

A part that rejects a setting, when it's built or reads its data, names no place. Its message usually names the
setting, as those of all our parts do, or repeats the value. confection and spaCy name places in the expanded
configuration.
"""

import inspect
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from seqpipe.config._read import PipelineFile
from seqpipe.config._report import title
from seqpipe.config._schema import CORPORA, DATA_PARTS
from seqpipe.config._types import descend, is_block
from seqpipe.errors import ConfigError, DataError, SeqpipeError
from seqpipe.messages import Diagnostic, PipelineFileError, quote

Path = tuple[str, ...]

#: Where the sections of a pipeline file end up in what it expands to. A star matches any one name; in a section it's the
#: last one that matched.
_ORIGINS: Final[tuple[tuple[Path, Path], ...]] = (
    (("nlp", "tokenizer", "tokenizer"), ("tokenizer",)),
    (("nlp", "vectors", "embedder"), ("embedder",)),
    (("nlp", "vectors", "embedders"), ("embedder",)),
    (("nlp", "vectors"), ("embedder",)),
    (("nlp", "lang"), ("pipeline", "lang")),
    (("system", "seed"), ("pipeline", "seed")),
    (("training", "seed"), ("pipeline", "seed")),
    (("components", "tok2vec", "model", "encoder"), ("encoder",)),
    (("components", "tok2vec", "model"), ("embedder",)),
    (("components", "*", "model", "head"), ("heads", "*")),
    (("components", "*", "model"), ("heads", "*")),
    (("components", "*", "task"), ("heads", "*", "task")),
    (("corpora", "*", "tasks", "*"), ("heads", "*", "task")),
    (("initialize", "before_init", "corpus", "tasks", "*"), ("heads", "*", "task")),
    (("components", "*", "model", "head"), ("head",)),
    (("components", "classifier", "classifier"), ("classifier",)),
    (("components", "language_model"), ("language_model",)),
    (("initialize", "components", "language_model", "*", "data"), ("data",)),
    (("initialize", "components", "language_model", "*"), ("data",)),
    (("components", "wide", "classifier"), ("wide",)),
    (("components", "wide"), ("wide",)),
    (("components", "decision"), ("decision",)),
    (("components", "*", "task"), ("task",)),
    (("corpora", "*", "task"), ("task",)),
    (("initialize", "before_init", "corpus", "task"), ("task",)),
    *(
        ((*place, "own", "*", *whole), ("heads", "*", "data"))
        for place in CORPORA
        for whole in (("data",), ())
    ),
    (("corpora", "*", "data"), ("data",)),
    *((("corpora", part), ("data",)) for part in DATA_PARTS),
    (("initialize", "before_init", "corpus", "data"), ("data",)),
    (("initialize", "before_init", "corpus"), ("data",)),
    (("initialize", "after_init", "corpus", "data"), ("data",)),
    (("initialize", "after_init", "corpus"), ("data",)),
    (("training", "before_to_disk", "corpus", "data"), ("data",)),
    (("training", "before_to_disk", "corpus"), ("data",)),
    (("initialize", "components", "classifier", "dev", "data"), ("data",)),
    (("initialize", "components", "classifier", "dev"), ("data",)),
)


def origin(location: Path, file: PipelineFile) -> Path | None:
    """Return the path in a file that a path of its expansion comes from; None if it isn't in the file.

    If the path goes deeper than the file does, that's the part that the file has.
    """
    if location and _has(file, location[:2]):
        return location
    for expanded, written in _ORIGINS:
        head, rest = location[: len(expanded)], location[len(expanded) :]
        if len(head) == len(expanded) and all(
            wanted in ("*", part) for wanted, part in zip(expanded, head, strict=True)
        ):
            names = [name for name, star in zip(head, expanded, strict=True) if star == "*"]
            path = tuple(names[-1] if name == "*" else name for name in written) + rest
            if _has(file, path[: 2 if "*" in written else 1]):
                return path
            if "*" not in written:
                return None
    return location if location and _has(file, location[:1]) else None


def blocks_in(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the blocks of a configuration with their paths, those inside of others first."""
    if isinstance(tree, Mapping):
        for name, inner in tree.items():
            yield from blocks_in(inner, (*path, name))
        if is_block(tree):
            yield path, tree


def refusal(
    error: Exception, file: PipelineFile, locations: Sequence[Path], *, reason: str = ""
) -> PipelineFileError:
    """Return an error like those of `check` for one that a part raised.

    If `error` is one of seqpipe's, the result is an instance of its class too.

    Args:
        error: What was raised.
        file: The file whose part it is.
        locations: The paths, in the file's expansion, of the blocks that may be at fault, the likeliest first.
            The first one whose settings the message mentions is chosen.
        reason: A message that replaces the error's own one.
    """
    text = reason or _words(error)
    paths = dict.fromkeys(path for at in locations if (path := origin(at, file)))
    found = [(*_about(error, text, path, file), path) for path in paths]
    # What's wrong with the data, and mentions no setting, isn't the fault of the part that happened to be at work.
    is_data = isinstance(error, DataError)
    _, setting, block = max(
        found,
        key=lambda one: (one[0], is_data and one[2][0] == "data"),
        default=(0, None, None),
    )
    if block is None:
        problem = Diagnostic(text, file.place(()))
    else:
        problem = _diagnostic(text, (*block, *([setting] if setting else ())), block, file)
    placed = _class_for(type(error))([problem], file.index.name)
    for name, value in vars(error).items():
        vars(placed).setdefault(name, value)
    return placed


def _diagnostic(text: str, at: Path, block: Path, file: PipelineFile) -> Diagnostic:
    value = descend(file.sections, block)
    if not isinstance(value, Mapping):
        return Diagnostic(f"{title(block[:-1])}: {text}", file.place(block, value=True))
    named = [key for key in value if key.startswith("@")]
    owner = f" ({value[named[0]]})" if named and isinstance(value[named[0]], str) else ""
    if at == block and named:
        at = (*block, named[0])
    place = file.place(at, value=at != block)
    target = file.index.target(at)
    also = ((file.place(target, value=True), "the value comes from here"),) if target else ()
    return Diagnostic(f"{title(block)}{owner}: {text}", place, also=also)


def _about(error: Exception, text: str, path: Path, file: PipelineFile) -> tuple[float, str | None]:
    """Return how likely a message is about a block, and about which of its settings."""
    block = descend(file.sections, path)
    if not isinstance(block, Mapping):
        return 0.0, None
    found: tuple[float, str | None] = (0.0, None)
    for key, value in block.items():
        if not key.startswith("@") and not is_block(value):
            score = 9.0 if getattr(error, "setting", None) == key else _mention(text, key, value)
            if score and isinstance(value, Mapping):
                # Of several settings with one name, it's the one that has what else is mentioned.
                score += (
                    max((_mention(text, str(inner), None) for inner in value), default=0.0) / 10
                )
            found = max(found, (score, key), key=lambda one: one[0])
    return found


def _mention(text: str, key: str, value: Any) -> float:
    """Return how clearly a message mentions a setting, by name or by value; earlier mentions count more."""
    ways: list[tuple[float, str]] = [(4, rf"`{re.escape(key)}[` \[]")]
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and each:
            ways += [(3, rf"""["'`]{re.escape(each)}["'`]""")]
            ways += [(2, rf"(?<!\w){re.escape(each)}(?!\w)")] if len(each) > 2 else []
            # A file that a pattern for files found.
            ways += [(1.4, _matching(each))] if len(each) > 2 and _WILD.search(each) else []
    # Without quotes, only where it's clearly meant: "text" or "label" may mean anything.
    ways += [(1 if "`" in text else 2.5, rf"(?<![\w.`]){re.escape(key)}(?= is\b)")]
    ways += [(2.7, rf"""["']{re.escape(key)}["']""")]
    found = [(weight, re.search(way, text)) for weight, way in ways]
    return max(
        (weight - match.start() / (2 * len(text) + 2) for weight, match in found if match),
        default=0.0,
    )


#: What in a pattern for files stands for any folders, characters or a character.
_WILD: Final = re.compile(r"(?P<folders>\*\*/)|(?P<star>\*+)|\?|\[[^]]+\]")


def _matching(pattern: str) -> str:
    """Return an expression for the paths that a pattern for files may match."""
    pieces, end = [], 0
    for match in _WILD.finditer(pattern):
        one = r"[^\s/]*" if match["star"] else r"[^\s/]"
        pieces += [
            re.escape(pattern[end : match.start()]),
            r"(?:\S*/)?" if match["folders"] else one,
        ]
        end = match.end()
    return rf"(?<!\w){''.join(pieces)}{re.escape(pattern[end:])}(?!\w)"


def raised_in(error: BaseException, makers: Sequence[tuple[Path, Any]]) -> list[Path]:
    """Return the paths of the makers that an error passed through, innermost first.

    Args:
        error: What was raised.
        makers: Functions or classes, each with the path of the block that names it.
    """
    paths: dict[Any, list[Path]] = {}
    for at, made in makers:
        function = inspect.unwrap(made.__init__ if inspect.isclass(made) else made)
        paths.setdefault(getattr(function, "__code__", None), []).append(at)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [at for frame in reversed(frames) for at in paths.get(frame.f_code, ())]


def _words(error: Exception) -> str:
    """Return an error's message on one line, with its class if it wasn't raised on purpose."""
    text = str(error).strip()
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    # The C++ traceback that torch adds is of no use to the author of a pipeline file.
    text = " ".join(text.partition("Exception raised from")[0].split())
    text = text if len(text) <= 600 else text[:600] + "…"
    if isinstance(error, (SeqpipeError, ValueError, OSError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _class_for(raised: type[Exception]) -> type[PipelineFileError]:
    """Return a subclass of `PipelineFileError` that `except` clauses for what was raised catch too."""
    if issubclass(raised, ConfigError) or not issubclass(raised, SeqpipeError):
        return PipelineFileError
    # A plugin's class may have its own `__str__`, which uses attributes that this error lacks.
    text = {"__str__": PipelineFileError.__str__}
    return type("Placed" + raised.__name__, (PipelineFileError, raised), text)


def _has(file: PipelineFile, path: Path) -> bool:
    return bool(path) and descend(file.sections, path, missing=file) is not file


# Errors of confection and spaCy, which name places in the expanded configuration.

_MISSING = re.compile(r"missing required argument: '(.+)'|Field required")
_UNEXPECTED = re.compile(r"unexpected argument: '(.+)'|Extra inputs are not permitted")


def from_confection(
    error: ValueError, file: PipelineFile, sections: Sequence[str] = ()
) -> PipelineFileError:
    """Return an error like those of `check` for one that was raised later.

    Confection names places in the expanded configuration, and often only their end
    ("optimizer -> learn_rate"). A place is shown where just one of the file's ends like that.

    Args:
        error: A `ConfigValidationError`.
        file: The file that was expanded.
        sections: Those that were made, one of which places may be relative to.
    """
    entries: Iterable[Mapping[str, Any]] = getattr(error, "errors", None) or ()
    paths = _paths(file.sections)
    found = []
    for entry in entries:
        location = _location(error, entry)
        origins = [origin((*before, *location), file) for before in [(), *((s,) for s in sections)]]
        whole = next((path for path in origins if path in paths), location)
        found.append(_entry_diagnostic(entry, whole, file, paths))
    if not found:
        text = getattr(error, "desc", None) or str(error)
        found = [Diagnostic(" ".join(text.split())[:500], file.place(()))]
    return PipelineFileError(found, file.index.name)


def _location(error: ValueError, entry: Mapping[str, Any]) -> Path:
    parent = str(getattr(error, "parent", None) or "")
    steps = [parent, *(str(step) for step in entry.get("loc", ()))]
    return tuple(part for step in steps for part in step.split(".") if part)


def _entry_diagnostic(
    entry: Mapping[str, Any], location: Path, file: PipelineFile, paths: list[Path]
) -> Diagnostic:
    message = str(entry.get("msg", "")).strip()
    missing = _MISSING.fullmatch(message)
    at = _find(location[:-1] if missing else location, paths) or _naming(message, file, paths)
    place = file.place(at, value=not missing) if at else file.place(())
    where = ".".join(location)
    if missing:
        return Diagnostic(f"{quote(where)} is missing", place, *_label(at, "add it"))
    if _UNEXPECTED.fullmatch(message):
        place = file.place(at) if at else place
        return Diagnostic(f"there's no setting {quote(where)}", place, *_label(at, "remove it"))
    return Diagnostic(f"{quote(where)} can't be used: {message}", place, *_label(at, ""))


def _label(at: Path | None, label: str) -> tuple[str]:
    return (label if at else "it's not in the file itself, but in what the file expands to",)


def _find(location: Path, paths: list[Path]) -> Path | None:
    """Return the one path that a location means: the path itself, or else the only one with its longest ending."""
    for start in range(len(location)):
        end = location[start:]
        fitting = [path for path in paths if path[-len(end) :] == end]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            return fitting[0] if fitting[0] == location else None
    return None


def _naming(message: str, file: PipelineFile, paths: list[Path]) -> Path | None:
    """Return the path whose value a message ends with, such as an unresolved reference."""
    for path in paths:
        value: Any = file.sections
        for part in path:
            value = value[part]
        if isinstance(value, str) and value and message.endswith(f": {value}"):
            return path
    return None


def _paths(node: Any, path: Path = ()) -> list[Path]:
    inner = node.items() if isinstance(node, dict) else ()
    return [
        *([path] if path else []),
        *(p for name, value in inner for p in _paths(value, (*path, name))),
    ]
