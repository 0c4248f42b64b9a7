"""The contract of tokenizers that learn: how they're fitted, and what they write and read."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from seqpipe.errors import SavedModelError, TokenizerError
from seqpipe.parts.tokenizers import LearnedTokenizer, Tokenize
from seqpipe.testing._check import BrokenError, Factory, NotApplicable, said
from seqpipe.testing._corpus import SEQUENCES
from seqpipe.testing._damage import damaged_copies
from seqpipe.testing._smallest import show

_TEXTS: Final = tuple(f"{' '.join(words).capitalize()}." for words in SEQUENCES)
_OTHER_TEXTS: Final = ("Ten 10 zebras quickly jumped, didn't they? Yes!",) * 40
_METHODS: Final = ("fit", "to_disk", "from_disk")


def ready(factory: Factory) -> Tokenize:
    """Return a new tokenizer, fitted if it's one that learns.

    Raises:
        NotApplicable: Its settings are for more text than there is here.
    """
    tokenizer: Tokenize = factory()
    if isinstance(tokenizer, LearnedTokenizer):
        try:
            tokenizer.fit(_TEXTS)
        except TokenizerError as error:
            raise NotApplicable(
                f"it doesn't fit on {len(_TEXTS)} short texts ({error}): give it smaller settings by a "
                "functools.partial"
            ) from error
    return tokenizer


def states_that_it_learns(factory: Factory) -> None:
    """A tokenizer with `fit`, `to_disk` or `from_disk` is a `LearnedTokenizer`: no other is fitted or saved."""
    tokenizer = factory()
    methods = [name for name in _METHODS if callable(getattr(tokenizer, name, None))]
    if methods and not isinstance(tokenizer, LearnedTokenizer):
        raise BrokenError(
            f"it has `{methods[0]}`, and nobody calls that: derive {type(tokenizer).__name__} from "
            "seqpipe.parts.tokenizers.LearnedTokenizer"
        )


def asks_to_be_fitted(factory: Factory) -> None:
    """Before it's fitted, one that learns raises a `TokenizerError` when it's called and when it's to be saved."""
    tokenizer = _unfitted(factory)
    _expect_error("called", tokenizer, _TEXTS[0])
    with tempfile.TemporaryDirectory() as folder:
        _expect_error("to_disk", tokenizer.to_disk, Path(folder))


def refuses_to_fit_on_nothing(factory: Factory) -> None:
    """Without any word to fit on, `fit` raises a `TokenizerError`."""
    nothing: list[list[str]] = [[], ["", " \n"]]
    for texts in nothing:
        _expect_error(f"fit({texts})", _unfitted(factory).fit, texts)


def reads_its_texts_once(factory: Factory) -> None:
    """`fit` reads its texts once, so that they can come from a stream."""
    tokenizer = _fitted(factory, (text for text in _TEXTS))
    _expect_same(_fitted(factory, _TEXTS), tokenizer, "fitted on a stream")


def same_seed_same_words(factory: Factory) -> None:
    """The same texts and seed give the same words."""
    _expect_same(_fitted(factory, _TEXTS), _fitted(factory, _TEXTS), "fitted again")


def fits_anew(factory: Factory) -> None:
    """What was fitted on before leaves no trace."""
    tokenizer = _fitted(factory, _OTHER_TEXTS)
    tokenizer.fit(_TEXTS, seed=7)
    _expect_same(_fitted(factory, _TEXTS), tokenizer, "after other texts")


def reads_what_it_wrote(factory: Factory) -> None:
    """Another tokenizer of the same settings reads what `to_disk` wrote, and gives the same words."""
    tokenizer, again = _fitted(factory, _TEXTS), _unfitted(factory)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.to_disk(Path(folder))
        again.from_disk(Path(folder))
    _expect_same(tokenizer, again, "read again")


def refuses_damaged_files(factory: Factory) -> None:
    """Of files that are missing, empty, cut short or something else, any that matters raises a `SavedModelError`."""
    tokenizer = _fitted(factory, _TEXTS)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.to_disk(Path(folder))
        for damaged, what in damaged_copies(Path(folder)):
            again = _unfitted(factory)
            try:
                again.from_disk(damaged)
            except SavedModelError:
                continue
            except Exception as error:
                raise BrokenError(f"{what}: it raised {said(error)}") from error
            _expect_same(tokenizer, again, what)


def _unfitted(factory: Factory) -> LearnedTokenizer:
    tokenizer = factory()
    if not isinstance(tokenizer, LearnedTokenizer):
        raise NotApplicable("it doesn't learn")
    return tokenizer


def _fitted(factory: Factory, texts: Iterable[str]) -> LearnedTokenizer:
    tokenizer = _unfitted(factory)
    tokenizer.fit(texts, seed=7)
    return tokenizer


def _expect_error(call: str, function: Callable[..., Any], *arguments: Any) -> None:
    try:
        function(*arguments)
    except TokenizerError:
        return
    except Exception as error:
        raise BrokenError(f"{call}: it raised {said(error)}") from error
    raise BrokenError(f"{call}: it raised nothing")


def _expect_same(one: Tokenize, other: Tokenize, when: str) -> None:
    for text in (*_TEXTS, *_OTHER_TEXTS):
        if (words := one(text)) != (others := other(text)):
            raise BrokenError(
                f"input that shows it: {show(text)}\n{when}, its words are {others[:12]}, not {words[:12]}"
            )
