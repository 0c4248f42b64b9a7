"""A model as it's served: predictions as JSON, explanations, and what there is to know of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from seqpipe.adapters import learnt_tasks
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.explanation import METHODS, explain, told
from seqpipe.inference import Predictor
from seqpipe.kernels import computing_in
from seqpipe.native import usable_threads
from seqpipe.serving._problems import as_json
from seqpipe.serving._requests import Question
from seqpipe.serving._settings import ServerSettings
from seqpipe.tasks.text_classes import TextClasses

#: It has the hashes of all other files.
_MANIFEST: Final = "seqpipe-manifest.json"
#: So often a model that's replaced meanwhile is loaded.
_TRIES: Final = 3
_CHUNK: Final = 1 << 20
#: So many hexadecimal digits tell models apart.
_DIGITS: Final = 12


class Asked(NamedTuple):
    """A record, and what's asked of it.

    Attributes:
        record: The record.
        proba: Whether the score of every label is wanted.
    """

    record: Any
    proba: bool


class Entry(NamedTuple):
    """What's said of a record.

    Attributes:
        data: An object of JSON: the record's id, if it has one, and a prediction or what's wrong with it.
        is_prediction: Whether there's a prediction.
    """

    data: bytes
    is_prediction: bool


@dataclass(frozen=True, eq=False)
class Model:
    """A model that's loaded.

    Attributes:
        predictor: What predicts.
        description: What there is to know of it, as JSON can hold it.
        fingerprint: Tells it apart from others.
        hidden: Fields with the score of every label, which are left out where nobody asks for them.
    """

    predictor: Predictor
    description: Mapping[str, Any]
    fingerprint: str
    hidden: frozenset[str]

    def answer(self, asked: Sequence[Asked]) -> list[Entry]:
        """Return what to say of each record, in their order."""
        found = self.predictor.predict(each.record for each in asked)
        reasons = {failure.index: failure.reason for failure in found.failures}
        return [
            self._entry(each, values, reasons.get(place, ""))
            for place, (each, values) in enumerate(zip(asked, found, strict=True))
        ]

    def _entry(self, asked: Asked, values: Mapping[str, Any] | None, reason: str) -> Entry:
        try:
            return self._told(asked, values, reason)
        # The other records of the batch may be somebody else's.
        except Exception as error:
            message = f"JSON can't hold its id or its prediction: {type(error).__name__}"
            return Entry(as_json({"error": message}), False)

    def _told(self, asked: Asked, values: Mapping[str, Any] | None, reason: str) -> Entry:
        name = self.predictor.id
        is_named = isinstance(asked.record, Mapping) and name in asked.record
        entry = {"id": asked.record[name]} if is_named else {}
        if values is None:
            return Entry(as_json({**entry, "error": reason}), False)
        hidden = () if asked.proba else self.hidden
        shown = {key: value for key, value in values.items() if key not in hidden}
        try:
            return Entry(as_json({**entry, "prediction": shown}), True)
        except ValueError:
            message = "its prediction isn't finite, so JSON can't hold it"
            return Entry(as_json({**entry, "error": message}), False)

    def explain(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """Explain the predictions of texts; see `seqpipe.explanation.explain`, which also says what's raised."""
        return [self._explain(each) for each in questions]

    def _explain(self, question: Question) -> dict[str, Any]:
        nlp = self.predictor.nlp
        options: dict[str, Any] = {**vars(question)}
        text = options.pop("text")
        threads = self.predictor.threads or usable_threads()
        # Its words are forgotten afterwards, so that the vocabulary doesn't grow for ever.
        with computing_in(threads), nlp.memory_zone():
            found = explain(nlp, text, **options)
        notes = [told(found, each) for each in found.explained]
        shown = found.to_json()
        for each, note in zip(shown["explained"], notes, strict=True):
            each["note"] = note
        return shown


def load_model(settings: ServerSettings) -> Model:
    """Load a model, which takes seconds.

    Raises:
        SeqpipeError: It can't be loaded, or is replaced again and again meanwhile, or has no use for a setting.
    """
    for _ in range(_TRIES):
        # Of an installed package, whose folder is only known then, it's that of afterwards.
        before = _fingerprint(Path(settings.model))
        predictor, is_added = _predictor(settings)
        fingerprint = _fingerprint(predictor.nlp.path)
        if before in ("", fingerprint):
            break
    else:
        raise SavedModelError(
            f"{settings.model} was replaced each time that it was loaded; try again when nobody writes there"
        )
    hidden = frozenset(f.name for f in predictor.schema if is_added and f.type == "scores")
    description = _describe(predictor, hidden, settings)
    return Model(predictor, {**description, "fingerprint": fingerprint}, fingerprint, hidden)


def _predictor(settings: ServerSettings) -> tuple[Predictor, bool]:
    """Return a predictor that gives the score of every label if it can, and whether nobody has asked for that."""
    options = {**settings.options}
    if options.get("probabilities"):
        return Predictor(settings.model, **options), False
    try:
        predictor = Predictor(settings.model, **{**options, "probabilities": True})
        predictor.nlp  # noqa: B018 - whether there are any scores shows when it's loaded
    except ConfigError:
        return Predictor(settings.model, **options), False
    return predictor, True


def _fingerprint(path: Path | None) -> str:
    """Return what tells a folder's content apart: a hash of its manifest or, where it has none, of all files; "" of no folder."""
    if path is None or not path.is_dir():
        return ""
    manifest = path / _MANIFEST
    if manifest.is_file():
        return hashlib.sha256(manifest.read_bytes()).hexdigest()[:_DIGITS]
    digest = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        digest.update(file.relative_to(path).as_posix().encode("utf-8", "surrogateescape") + b"\0")
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()[:_DIGITS]


def _describe(
    predictor: Predictor, hidden: frozenset[str], settings: ServerSettings
) -> dict[str, Any]:
    nlp = predictor.nlp
    columns, limits = predictor.columns, settings.limits
    tasks = learnt_tasks(nlp)
    return {
        **{key: nlp.meta.get(key) or "" for key in ("name", "version", "lang", "description")},
        "components": [
            {
                "name": name,
                "factory": nlp.get_pipe_meta(name).factory,
                "task": type(tasks[name]).__name__ if name in tasks else None,
                "labels": [str(label) for label in nlp.pipe_labels.get(name, ())],
            }
            for name in nlp.pipe_names
        ],
        "input": {"text": list(columns.text), "pair": columns.pair, "id": predictor.id},
        "output": [vars(f) for f in predictor.schema if f.name not in hidden],
        "proba": [vars(f) for f in predictor.schema if f.name in hidden],
        "explained": [name for name, task in tasks.items() if isinstance(task, TextClasses)],
        "methods": list(METHODS),
        "limits": {
            "body_bytes": limits.body,
            "records": limits.records,
            "characters": limits.characters,
            "explained_characters": limits.explained,
            "seconds": limits.seconds,
        },
    }
