"""An export compared with the pipeline that it was made of."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from spacy.language import Language
from spacy.tokens import Doc

from seqpipe.errors import ExportError
from seqpipe.export._pipeline import Parts

#: Rounding makes less of a difference in scores.
_MOST: Final = 1e-3
#: So many known words are in the text that's compared.
_WORDS: Final = 20
_UNKNOWN: Final = "Unheard-of wörds, 42 (and marks)!\n\nthe  end"


def check_reader(nlp: Language, parts: Parts, folder: Path) -> None:
    """Check that the reader gives what a pipeline gives, on a text of known words and one of others.

    Args:
        nlp: The pipeline.
        parts: Its parts.
        folder: The export.

    Raises:
        ExportError: It doesn't.
    """
    from seqpipe.export.reader import Pipeline

    pipeline = Pipeline(folder)
    docs = [nlp.make_doc(text) for text in (" ".join(_known(parts)) or "x", _UNKNOWN)]
    words = [[token.text for token in doc] for doc in docs]
    if parts.tokenizer["kind"] != "words":
        for doc, expected in zip(docs, words, strict=True):
            if pipeline.tokens(doc.text) != expected:
                raise _difference(f"splits {doc.text!r:.80} into other words")
    found = pipeline.predict(words)
    for doc, one in zip(nlp.pipe(docs), found, strict=True):
        if (worst := _worst(nlp, doc, one)) > _MOST:
            raise _difference(f"gives scores that differ by up to {worst:.2g}")


def _difference(what: str) -> ExportError:
    return ExportError(f"the pipeline can't be exported: its reader {what}")


def _known(parts: Parts) -> Iterator[str]:
    """Yield some words that have vectors, and that can stand in a text."""
    words = parts.tables[0].words if parts.tables else ()
    some = words[:: max(1, len(words) // (2 * _WORDS))]
    yield from islice((word for word in some if word.isprintable() and word.strip()), _WORDS)


def _worst(nlp: Language, doc: Doc, found: Mapping[str, Any]) -> float:
    """Return the greatest difference of a score."""
    if "words" not in found:
        return max((abs(doc.cats[label] - x) for label, x in found["scores"].items()), default=0.0)
    pipe: Any = next(pipe for _, pipe in nlp.pipeline if hasattr(pipe, "heads") and pipe.heads())
    places = [token.i for token in doc if not token.is_space]
    scores, labels = pipe.predict([doc]), list(pipe.labels)
    pairs = zip(places, found["labels"], found["scores"], strict=True)
    return max((abs(scores[n, labels.index(label)] - x) for n, label, x in pairs), default=0.0)
