"""The contract of embedders: their checks by name, and those of fitting."""

import itertools
import tempfile
from pathlib import Path
from typing import Any, Final

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import Embedder, FitProgress
from seqpipe.testing import _saving as saving
from seqpipe.testing import _vectors as vectors
from seqpipe.testing._check import BrokenError, Check, Factory, make_check
from seqpipe.testing._corpus import SEQUENCES, expect_same, fitted
from seqpipe.testing._making import can_be_made, is_documented
from seqpipe.testing._smallest import at, show

_OTHER_SEQUENCES: Final = (("one", "two", "three", "two"),) * 40


def embedder_checks() -> list[Check]:
    """Return the checks of an embedder."""
    made = make_check(can_be_made, "embedders", Embedder, _make)
    shape = make_check(vectors.vectors_have_their_shape, needs=(made,))
    unknown = make_check(vectors.unknown_words_have_vectors, needs=(shape,))
    saved = make_check(saving.reads_what_it_wrote, needs=(unknown,))
    elsewhere = make_check(saving.same_vectors_in_another_process, needs=(saved,))
    seeded = make_check(same_seed_same_vectors, needs=(shape,))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        make_check(asks_to_be_fitted, needs=(made,)),
        make_check(refuses_to_fit_on_nothing, needs=(made,)),
        shape,
        make_check(vectors.vectors_are_finite, needs=(shape,)),
        make_check(vectors.rows_are_their_words_own, needs=(shape,)),
        unknown,
        make_check(vectors.no_words_have_no_vectors, needs=(shape,)),
        make_check(vectors.vocabulary_is_by_frequency, needs=(shape,)),
        make_check(reads_its_input_once, needs=(shape,)),
        make_check(reports_its_progress, needs=(shape,)),
        saved,
        make_check(saving.results_are_the_callers, needs=(saved,)),
        elsewhere,
        make_check(saving.odd_words_are_words, needs=(saved,)),
        make_check(saving.refuses_damaged_files, needs=(elsewhere,)),
        seeded,
        make_check(fits_anew, needs=(seeded,)),
    ]


def _make(factory: Factory) -> Embedder:
    embedder: Embedder = factory()
    if isinstance(embedder, Embedder) and not (
        isinstance(embedder.width, int) and embedder.width > 0
    ):
        raise BrokenError(f"`width` is {embedder.width!r} before it's fitted")
    return embedder


def _expect_error(embedder: Embedder, call: str, *arguments: Any) -> None:
    try:
        getattr(embedder, call)(*arguments)
    except EmbedderError:
        return
    except Exception as error:
        raise BrokenError(f"{call} raised {type(error).__name__}: {error}") from error
    raise BrokenError(f"{call} raised nothing")


def asks_to_be_fitted(factory: Factory) -> None:
    """Before it's fitted the vocabulary is empty, and `embed` and `to_disk` raise an `EmbedderError`."""
    embedder = factory()
    if len(embedder.vocabulary):
        raise BrokenError(f"the vocabulary is {list(embedder.vocabulary)[:5]} before fitting")
    _expect_error(embedder, "embed", ["the"])
    with tempfile.TemporaryDirectory() as folder:
        _expect_error(embedder, "to_disk", Path(folder))


def refuses_to_fit_on_nothing(factory: Factory) -> None:
    """Without any word to fit on, `fit` raises an `EmbedderError`."""
    nothing: list[list[list[str]]] = [[], [[]]]
    for sequences in nothing:
        at(lambda nothing: _expect_error(factory(), "fit", nothing), sequences)


def reads_its_input_once(factory: Factory) -> None:
    """`fit` reads its sequences once, so that they can come from a stream."""
    listed, embedder = fitted(factory), factory()
    embedder.fit(sequence for sequence in SEQUENCES)
    if list(embedder.vocabulary) != list(listed.vocabulary):
        raise BrokenError(
            f"from a stream the vocabulary is {show(list(embedder.vocabulary))}, "
            f"from a list {show(list(listed.vocabulary))}"
        )


def reports_its_progress(factory: Factory) -> None:
    """`fit` reports its progress: fractions from 0 to 1 that don't fall, the last one 1."""
    fitted(factory)
    reports: list[FitProgress] = []
    factory().fit(SEQUENCES, on_progress=reports.append)
    fractions = [progress.fraction for progress in reports]
    if not fractions:
        raise BrokenError("on_progress is never called")
    rising = all(a <= b for a, b in itertools.pairwise(fractions))
    if not (rising and fractions[0] >= 0 and fractions[-1] == 1):
        raise BrokenError(f"it reports {fractions[-10:]}")


def same_seed_same_vectors(factory: Factory) -> None:
    """The same sequences and seed give the same vectors, to the bit."""
    fitted(factory)
    first, again = factory(), factory()
    for embedder in (first, again):
        embedder.fit(SEQUENCES, seed=7)
    expect_same(first, again, first.vocabulary, "fitted again with the seed 7")


def fits_anew(factory: Factory) -> None:
    """What was fitted on before leaves no trace."""
    fresh, embedder = fitted(factory), factory()
    embedder.fit(_OTHER_SEQUENCES)
    embedder.fit(SEQUENCES)
    if list(embedder.vocabulary) != list(fresh.vocabulary):
        raise BrokenError(f"the vocabulary is {list(embedder.vocabulary)[:10]}")
    expect_same(fresh, embedder, fresh.vocabulary, "after other sequences")
