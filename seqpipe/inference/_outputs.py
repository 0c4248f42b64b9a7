"""What a pipeline says of a text: the fields that its components give, and their values on a doc."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from spacy.language import Language
from spacy.tokens import Doc, Token

from seqpipe.adapters import LanguageModelPipe, calling, has_several_heads, learnt_tasks
from seqpipe.errors import ConfigError
from seqpipe.tasks import Field, Task, Wanted

_LANGUAGE_MODEL: Final = {
    "perplexity": "of a unit of the text, on average",
    "bits_per_character": "what a character costs",
}
#: The fields of what spaCy's components assign to tokens.
_OF_TOKENS: Final[Mapping[str, tuple[Field, Callable[[Token], Any]]]] = {
    "token.tag": (Field("tags", "strings", "the tag of each word"), lambda token: token.tag_),
    "token.pos": (
        Field("pos", "strings", "the part of speech of each word"),
        lambda token: token.pos_,
    ),
    "token.morph": (
        Field("morphs", "strings", "the morphological features of each word"),
        lambda token: str(token.morph),
    ),
    "token.lemma": (
        Field("lemmas", "strings", "the lemma of each word"),
        lambda token: token.lemma_,
    ),
    "token.dep": (
        Field("deps", "strings", "the relation of each word to its head"),
        lambda token: token.dep_,
    ),
    "token.head": (
        Field("heads", "numbers", "the number of each word's head, from 0; its own for a root"),
        lambda token: token.head.i,
    ),
}
_WORDS: Final = Field("words", "strings", "the words of the text")
_ENTITIES: Final = Field("entities", "spans", "the entities, in the order of the text")
_VECTOR: Final = Field("vector", "numbers", "the vector of the text")


class Output(ABC):
    """What one component says of a text.

    Args:
        fields: What it gives of each text.
        options: What of `Wanted` it heeds.
    """

    def __init__(self, fields: Sequence[Field], options: frozenset[str] = frozenset()) -> None:
        self.fields = tuple(fields)
        self.options = options

    @abstractmethod
    def values(self, doc: Doc) -> Mapping[str, Any]:
        """Return a value for each of the fields."""


class _OfTask(Output):
    def __init__(self, task: Task, labels: Sequence[str], wanted: Wanted) -> None:
        with calling(task, "task", "was asked for its fields"):
            super().__init__(task.fields(labels, wanted), task.options)
        self._task, self._labels, self._wanted = task, labels, wanted

    def values(self, doc: Doc) -> Mapping[str, Any]:
        with calling(self._task, "task", "put out a prediction"):
            return self._task.output(doc, self._labels, self._wanted)


class _OfTokens(Output):
    """What spaCy's components assign to tokens."""

    def __init__(self, names: Sequence[str]) -> None:
        self._of_tokens = [_OF_TOKENS[name] for name in names]
        super().__init__([_WORDS, *(field for field, _ in self._of_tokens)])

    def values(self, doc: Doc) -> Mapping[str, Any]:
        found: dict[str, Any] = {_WORDS.name: [token.text for token in doc]}
        for field, value_of in self._of_tokens:
            found[field.name] = [value_of(token) for token in doc]
        return found


class _OfEntities(Output):
    """The entities of spaCy's components, which give no confidence."""

    def __init__(self) -> None:
        super().__init__([_ENTITIES])

    def values(self, doc: Doc) -> Mapping[str, Any]:
        return {_ENTITIES.name: [_span(entity) for entity in doc.ents]}


class _OfSpans(Output):
    """The spans of a categorizer of spaCy's."""

    def __init__(self, key: str) -> None:
        super().__init__([Field("spans", "spans", "the spans that are labelled")])
        self._key = key

    def values(self, doc: Doc) -> Mapping[str, Any]:
        group = doc.spans.get(self._key, ())
        scores = getattr(group, "attrs", {}).get("scores", [None] * len(group))
        return {"spans": [_span(s, score) for s, score in zip(group, scores, strict=True)]}


class _OfLanguageModel(Output):
    def __init__(self) -> None:
        super().__init__([Field(n, "number", what) for n, what in _LANGUAGE_MODEL.items()])

    def values(self, doc: Doc) -> Mapping[str, Any]:
        return {name: doc._.get(name) for name in _LANGUAGE_MODEL}


class _OfVectors(Output):
    def __init__(self) -> None:
        super().__init__([_VECTOR])

    def values(self, doc: Doc) -> Mapping[str, Any]:
        return {_VECTOR.name: [float(x) for x in doc.vector.tolist()]}


def _span(span: Any, confidence: float | None = None) -> dict[str, Any]:
    return {
        "start": span.start_char,
        "end": span.end_char,
        "text": span.text,
        "label": span.label_,
        "confidence": None if confidence is None else round(float(confidence), 6),
    }


class Outputs:
    """What all components of a pipeline say of a text.

    A field is called by its name; with the component's before it ("intent_label") in a pipeline of several heads, and where
    two components have one of the same name.

    Args:
        nlp: The pipeline.
        wanted: What's asked for beyond the usual.
        vectors: Whether the text's vector is wanted. It's there too if nothing else is.

    Raises:
        ConfigError: No component heeds something that's asked for.
    """

    def __init__(self, nlp: Language, wanted: Wanted, *, vectors: bool) -> None:
        found = _outputs_of(nlp, wanted)
        heeded = frozenset[str]().union(*(output.options for output in found.values()))
        if ignored := [name for name in wanted.named() if name not in heeded]:
            what = ", ".join(field.name for output in found.values() for field in output.fields)
            raise ConfigError(
                f"`{ignored[0]}` means nothing for this pipeline, which gives of each text: {what or 'its vector'}",
                setting=ignored[0],
            )
        self._named: list[tuple[Output, dict[str, str]]] = []
        prefixes = has_several_heads(nlp)
        taken: set[str] = set()
        for component, output in found.items():
            names = {field.name: field.name for field in output.fields}
            if prefixes or not taken.isdisjoint(names):
                names = {name: f"{component}_{name}" for name in names}
            taken.update(names.values())
            self._named.append((output, names))
        if vectors or not found:
            self._named.append((_OfVectors(), {_VECTOR.name: _VECTOR.name}))

    @property
    def fields(self) -> tuple[Field, ...]:
        """What's given of each text, in its order."""
        return tuple(
            Field(names[field.name], field.type, field.meaning)
            for output, names in self._named
            for field in output.fields
        )

    def values(self, doc: Doc) -> dict[str, Any]:
        """Return a value for each field."""
        found = {}
        for output, names in self._named:
            values = output.values(doc)
            found.update({name: values[own] for own, name in names.items()})
        return found


def _outputs_of(nlp: Language, wanted: Wanted) -> dict[str, Output]:
    """Return what each component gives, by its name."""
    tasks = learnt_tasks(nlp)
    found: dict[str, Output] = {}
    for name, pipe in nlp.pipeline:
        if name in tasks:
            found[name] = _OfTask(tasks[name], tuple(pipe.labels), wanted)
        elif isinstance(pipe, LanguageModelPipe):
            found[name] = _OfLanguageModel()
        elif output := _of_spacy(nlp, name, pipe):
            found[name] = output
    return found


def _of_spacy(nlp: Language, name: str, pipe: Any) -> Output | None:
    assigned = nlp.get_pipe_meta(name).assigns
    if "doc.ents" in assigned:
        return _OfEntities()
    if "doc.spans" in assigned and hasattr(pipe, "key"):
        return _OfSpans(pipe.key)
    of_tokens = [each for each in _OF_TOKENS if each in assigned]
    return _OfTokens(of_tokens) if of_tokens else None
