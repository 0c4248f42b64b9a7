"""Checks what parts return against the contract of their kind, with errors that name the part."""

import contextlib
import math
import reprlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import NotFiniteError, PluginError, SeqpipeError
from seqpipe.parts.classifiers import Classifier
from seqpipe.parts.embedders import Concatenated, ContextualEmbedder, Embedder
from seqpipe.parts.readers import Reader, ReadResult, Row
from seqpipe.plugins import describe_error, describe_maker, note_maker, part_of

#: What a caller may wait for, to try with smaller batches.
OUT_OF_MEMORY: Final = (MemoryError, torch.OutOfMemoryError)
#: How many words' vectors are checked together.
_AT_ONCE = 10_000
#: Of more words than this, every second, third, … is checked after fitting.
_MOST_CHECKED = 100_000


@contextmanager
def calling(
    part: Any, kind: str, doing: str, *, but: type[Exception] = SeqpipeError
) -> Iterator[None]:
    """Turn any exception that a part raises into an error that names the part.

    Memory that's used up isn't the part's fault, and stays as it is.

    Args:
        part: What is called.
        kind: What it is: "encoder".
        doing: What it's called for, as in "while it …": "was fitted".
        but: What else is left as it is, beside errors of seqpipe's.

    Raises:
        PluginError: It raised something that isn't an error of seqpipe's; that's the cause.
    """
    try:
        yield
    except (SeqpipeError, *OUT_OF_MEMORY, but):
        raise
    except Exception as error:
        raise raised(error, part, kind, doing) from error


def raised(error: Exception, part: Any, kind: str, doing: str) -> PluginError:
    """Return the error for an exception that a part raised, or another part that's inside of it."""
    who = describe_maker(_innermost_part(error) or part, kind)
    return PluginError(f"{who} raised {describe_error(error)} while it {doing}")


def _innermost_part(error: Exception) -> Any:
    """Return the part whose method was at work when an error was raised, or None."""
    found, frame = None, error.__traceback__
    while frame:
        owner = frame.tb_frame.f_locals.get("self")
        if owner is not None and part_of(owner):
            found = owner
        frame = frame.tb_next
    return found


def broken(part: Any, kind: str, returned: Any, expected: str) -> PluginError:
    """Return the error for a part that returned something other than its contract says.

    Args:
        part: What was called.
        kind: What it is: "encoder".
        returned: What it returned.
        expected: What it should have returned, and for what.
    """
    known = part_of(part)
    check = f"; `seqpipe plugins check {known.name}` shows more" if known else ""
    who = describe_maker(part, kind)
    return PluginError(f"{who} returned {describe(returned)}, and should return {expected}{check}")


def describe(value: Any) -> str:
    """Return how a message calls a value: arrays and tensors by their shape and type."""
    if isinstance(value, np.ndarray):
        return f"an array {list(value.shape)} of {value.dtype}"
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"a tensor {list(value.shape)} of {dtype} on {value.device}"
    return "None" if value is None else f"{reprlib.repr(value)}, a {type(value).__name__}"


def check_tensor(
    part: Any, kind: str, returned: Any, like: Tensor, shape: Sequence[int], meaning: str
) -> None:
    """Check the shape, the type and the device of a tensor that a module returned.

    Args:
        part: The module.
        kind: What it is: "encoder".
        returned: What it returned.
        like: A tensor of the right type and device.
        shape: The right shape.
        meaning: What the dimensions are: "[N, width]".

    Raises:
        PluginError: It's something else.
    """
    if not (
        isinstance(returned, Tensor)
        and returned.shape == tuple(shape)
        and returned.dtype == like.dtype
        and returned.device == like.device
    ):
        wanted = describe(like.new_empty(0)).replace("[0]", str(list(shape)))
        raise broken(part, kind, returned, f"{wanted}: {meaning}")


def check_finite(part: Any, kind: str, returned: Tensor, what: str) -> None:
    """Check that no number of a tensor is NaN or infinite.

    Raises:
        NotFiniteError: One is.
    """
    # The sum is several times faster to test, and almost never overflows.
    if not (math.isfinite(returned.sum().item()) or bool(torch.isfinite(returned).all())):
        who = describe_maker(part, kind)
        raise NotFiniteError(
            f"{who} returned {what} with NaN or infinite numbers: its weights, its inputs or its "
            "computation overflowed; train it anew with a smaller learning rate, or look at the part"
        )


def embed_words(embedder: Embedder, words: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors that an embedder has for words: `[N, width]`, finite.

    Raises:
        PluginError: It raised an exception, or returned something else.
        EmbedderError: It hasn't been fitted.
    """
    if isinstance(embedder, Concatenated):
        # One after the other, so that the one to blame is named.
        side_by_side = [embed_words(each, words) for each in embedder.embedders.values()]
        return np.concatenate(side_by_side, axis=1)
    with calling(embedder, "embedder", f"was asked for the vectors of {len(words)} words"):
        vectors = embedder.embed(words)
        shape = (len(words), embedder.width)
    return _checked(embedder, "embedder", vectors, words, shape, "[words, width]")


def is_contextual(embedder: Embedder) -> bool:
    """Say whether a word's vector depends on the words around it."""
    if isinstance(embedder, Concatenated):
        return any(is_contextual(each) for each in embedder.embedders.values())
    return isinstance(embedder, ContextualEmbedder)


def embed_in_context(embedder: Embedder, words: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors that an embedder has for the words of a text: `[N, width]`, finite.

    Those of an embedder that doesn't look at the words around are the same as by `embed_words`.

    Raises:
        PluginError: It raised an exception, or returned something else.
        EmbedderError: It hasn't been fitted.
    """
    if isinstance(embedder, Concatenated):
        side_by_side = [embed_in_context(each, words) for each in embedder.embedders.values()]
        return np.concatenate(side_by_side, axis=1)
    if not isinstance(embedder, ContextualEmbedder):
        return embed_words(embedder, words)
    with calling(embedder, "embedder", f"was given a text of {len(words)} words"):
        vectors = embedder.embed_in_context(words)
        shape = (len(words), embedder.width)
    return _checked(embedder, "embedder", vectors, words, shape, "[words, width]")


def check_vectors(embedder: Embedder) -> None:
    """Check the vectors of the words that a fitted embedder knows, of a hundred thousand at most.

    All are checked once more when they're used.

    Raises:
        PluginError: Some aren't finite, or aren't what `embed_words` asks for.
    """
    with calling(embedder, "embedder", "was asked for its vocabulary"):
        known = embedder.vocabulary
        words = known[:: math.ceil(len(known) / _MOST_CHECKED) or 1]
        for start in range(0, len(words), _AT_ONCE):
            embed_words(embedder, words[start : start + _AT_ONCE])


def embed_document(embedder: Any, words: Sequence[str]) -> NDArray[np.float32]:
    """Return the vector that an embedder has for a document: `[width]`, finite.

    Raises:
        PluginError: It raised an exception, or returned something else.
        EmbedderError: It hasn't been fitted.
    """
    with calling(embedder, "embedder", f"was asked for the vector of {reprlib.repr(words)}"):
        vector = embedder.embed_document(words)
        shape = (embedder.width,)
    return _checked(embedder, "embedder", vector, [" ".join(words)], shape, "[width]")


def _checked(
    part: Any,
    kind: str,
    returned: Any,
    inputs: Sequence[str | Sequence[str]],
    shape: tuple[int, ...],
    meaning: str,
) -> NDArray[np.float32]:
    """Return an array if its shape and type are right and its numbers finite, a row for each input."""
    if (
        not isinstance(returned, np.ndarray)
        or returned.shape != shape
        or returned.dtype.kind != "f"
    ):
        raise broken(part, kind, returned, f"an array {list(shape)} of float32: {meaning}")
    finite = np.isfinite(returned)
    if not finite.all():
        row = int(np.argmin(finite.reshape(len(inputs), -1).all(axis=1)))
        given = inputs[row] if isinstance(inputs[row], str) else " ".join(inputs[row])
        raise PluginError(
            f"{describe_maker(part, kind)} returned NaN or infinite numbers for "
            f"{reprlib.repr(given)}, and should return finite ones: train it anew with a smaller "
            "learning rate, or look at the part"
        )
    return returned.astype(np.float32, copy=False)


def predict_scores(classifier: Classifier, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Return the scores that a classifier gives texts: `[texts, labels]`, finite.

    Raises:
        PluginError: It raised an exception, or returned something else.
        ClassifierError: It hasn't been fitted.
    """
    with calling(classifier, "classifier", f"was given {len(texts)} texts"):
        scores = classifier.predict(texts)
        shape = (len(texts), len(classifier.labels))
    return _checked(classifier, "classifier", scores, texts, shape, "[texts, labels]")


def read_rows(reader: Reader) -> ReadResult:
    """Return what a reader reads.

    Raises:
        PluginError: It raised an exception, or returned something else than rows.
        DataError: As the reader.
    """
    with calling(reader, "reader", "was read"):
        result = reader.read()
    if not isinstance(result, ReadResult):
        raise broken(reader, "reader", result, "a ReadResult")
    wrong = next((row for row in result.rows if not _is_row(row)), None)
    if wrong is not None:
        expected = "rows whose text is a string and whose labels are a tuple of strings"
        raise broken(reader, "reader", wrong, expected)
    return result


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, Row)
        and isinstance(row.text, str)
        and isinstance(row.labels, tuple)
        and all(isinstance(label, str) for label in row.labels)
    )


def read_examples(corpus: Callable[[Language], Any], nlp: Language) -> Iterator[Example]:
    """Yield the examples of a corpus, ours or another.

    Raises:
        PluginError: It raised an exception, or yielded something else.
        SeqpipeError: As a corpus of ours.
    """
    with calling(corpus, "reader", "was read"):
        for example in corpus(nlp):
            if not isinstance(example, Example):
                raise broken(corpus, "reader", example, "spaCy's Examples")
            yield example


def made_by(made: Any, factory: Callable[..., Any]) -> None:
    """Note that an object was made by the part that a factory belongs to."""
    part = part_of(factory)
    if part is not None and part_of(made) is None:
        note_maker(made, part)


def words_from(tokenize: Callable[[str], Any], text: str) -> list[str]:
    """Return the words that a tokenizer finds in a text.

    Raises:
        PluginError: It raised an exception, or returned something else than strings.
    """
    # Not `calling`, which takes longer than a short text does.
    try:
        words = tokenize(text)
        if isinstance(words, Iterable) and not isinstance(words, str | list):
            words = list(words)
    except (SeqpipeError, *OUT_OF_MEMORY):
        raise
    except Exception as error:
        raise raised(error, tokenize, "tokenizer", f"tokenized {reprlib.repr(text)}") from error
    if not (isinstance(words, list) and _are_strings(words)):
        expected = f"a list of strings, the words of {reprlib.repr(text)}"
        raise broken(tokenize, "tokenizer", words, expected)
    return words


def _are_strings(words: list[Any]) -> bool:
    try:
        "".join(words)  # far faster than to look at the type of each
    except TypeError:
        return False
    return True


@contextlib.contextmanager
def naming_scorer() -> Iterator[None]:
    """Turn what goes wrong while spaCy scores components into an error that names the scorer.

    What else is raised meanwhile, as by a component that annotates, stays as it is.

    Raises:
        PluginError: A component's scorer raised an exception, or returned something else than a dictionary.
    """
    try:
        yield
    except (SeqpipeError, *OUT_OF_MEMORY):
        raise
    except Exception as error:
        problem = _find_problem(error)
        if problem is None:
            raise
        raise problem from error


def _find_problem(error: Exception) -> PluginError | None:
    """Return the error for the component that was scored, by the traceback; None if none was."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    scoring = [frame for frame in frames if frame.f_code is Scorer.score.__code__]
    found = scoring[0].f_locals if scoring else {}
    if not {"name", "component", "examples", "self"} <= set(found):
        return None
    component, examples = found["component"], found["examples"]
    scorer = getattr(component, "scorer", None) or component
    kind = f"scorer of {found['name']!r},"
    if scoring[0] is frames[-1]:
        # spaCy can't take what it returned, which only another call shows.
        scores = component.score(examples, **found["self"].cfg)
        return broken(scorer, kind, scores, "a dictionary from names to scores")
    return raised(error, scorer, kind, f"scored {len(examples)} examples")
