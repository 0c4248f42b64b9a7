"""The contract of tokenizers."""

import functools
import gc
import pickle
import string
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from seqpipe.errors import SavedModelError, TokenizerError
from seqpipe.parts.tokenizers import LearnedTokenizer, Tokenize
from seqpipe.testing._check import (
    BrokenError,
    Check,
    Factory,
    NotApplicable,
    make_check,
    type_and_message,
)
from seqpipe.testing._corpus import SEQUENCES
from seqpipe.testing._damage import damaged_copies
from seqpipe.testing._making import can_be_made, is_documented
from seqpipe.testing._smallest import at, hold, show

# How the time for a text grows with the text's length.

#: In small steps at first: with exponential growth, the first text that takes long has to be waited for.
_SIZES: Final = (16, 18, 20, 22, 24, 26, 28, 30, 32, *(2**n for n in range(6, 19)))

#: A time is compared with those of texts that are up to so many times shorter.
_REACH: Final = 32

#: How much longer than there it may take per character; squares grow by `_REACH`.
_MAX_GROWTH: Final = 8.0

#: Shorter times can't be distinguished from noise.
_MIN_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Growth:
    """Texts of one kind in any length.

    Attributes:
        name: What they are.
        piece: What's repeated.
    """

    name: str
    piece: str

    def text(self, size: int) -> str:
        """Return a text of that many characters."""
        return (self.piece * (size // len(self.piece) + 1))[:size]


def measure(tokenize: Callable[[str], object], growth: Growth) -> float:
    """Return how many characters a second a tokenizer reads, of longer and longer texts.

    Time is what the process computed, so that others on the machine don't count.

    Raises:
        BrokenError: A text takes many times as long per character as a shorter one did.
    """
    found: dict[int, float] = {}
    for size in _SIZES:
        text = growth.text(size)
        each = _seconds(tokenize, text, repeats=1) / size
        shorter = {n: found[n] for n in found if n * _REACH >= size}
        if _is_slower(each, size, shorter):
            # Once more: something else may have come between.
            each = _seconds(tokenize, text, repeats=3) / size
        if _is_slower(each, size, shorter):
            best = min(shorter, key=shorter.__getitem__)
            raise BrokenError(
                f"{growth.name}: {size:,} characters take {each * size:.2g} s, "
                f"{each / shorter[best]:.0f} times as long per character as {best} do"
            )
        found[size] = each
    return 1 / found[_SIZES[-1]]


def _is_slower(each: float, size: int, shorter: dict[int, float]) -> bool:
    return each * size > _MIN_SECONDS and each > _MAX_GROWTH * min(shorter.values(), default=each)


def _seconds(tokenize: Callable[[str], object], text: str, *, repeats: int) -> float:
    """Return the least of some times; the garbage of one call isn't collected in the next."""
    found = []
    for _ in range(repeats):
        gc.collect(0)
        start = time.process_time()
        tokenize(text)
        found.append(time.process_time() - start)
    return max(min(found), 1e-9)


_BLANKS: Final = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
)
_PLAIN: Final = string.ascii_letters + string.digits + string.punctuation
#: What tokenizers like to rewrite.
_PIECES: Final = (
    *("don't", "I'm", "&amp;", "&#39;", "<br>", "https://a.b/?q=1", "@user", "#tag", "me@a.org"),
    *(
        "1,234.50",
        "$5",
        "e.g.",
        "U.S.",
        "well-known",
        "3/4",
        "10:30",
        "C++",
        "``",
        "''",
        "--",
        ":-)",
    ),
)
_MEGABYTE: Final = 1_000_000

#: What stands between plain characters to see whether it's kept, by check.
_EMOJI: Final = ("😀", "👍🏽", "👩‍👩‍👧", "🇩🇪", "❤️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\U0001f9ff")
_MARKS: Final = (
    "e\u0301",
    "n\u0303",
    "a\u0308\u0301",
    "\u0301",
    "o\u0328",
    "\u0308",
    "\uac00\u11a8",
)
_RIGHT_TO_LEFT: Final = ("שלום", "مرحبا", "\u200f", "\u202b", "\u202c", "،", "؟", "ـ")
_SCRIPTS: Final = (
    "\u0130stanbul",
    "汉字",
    "かな",
    "ไทย",
    "हिन्दी",
    "한글",
    "ß",
    "İ",
    "ǅ",
    "ﬁ",
    "½",
    "Ⅷ",
    "…",
    "—",
    "𠀀",
    "\U0001d518",
)
_CONTROLS: Final = ("\0", "\x01", "\x7f", "\x1b", "\ufeff", "\u200b", "\xad", "\ufffe", "\u2060")
_SURROGATES: Final = ("\ud800", "\udfff", "\ude00\ud83d")


def tokenizer_checks() -> list[Check]:
    """Return the checks of a tokenizer."""
    made = make_check(can_be_made, "tokenizers", None, _make)
    states = make_check(states_that_it_learns, needs=(made,))
    asks = make_check(asks_to_be_fitted, needs=(states,))
    listed = make_check(words_are_a_list_of_texts, needs=(states,))
    plain = make_check(words_rebuild_the_text, needs=(listed,))
    words = make_check(words_hold_no_white_space, needs=(plain,))
    blank = make_check(blank_texts_have_no_words, needs=(words,))
    linear = make_check(takes_linear_time, needs=(blank,))
    keeps = make_check(keeps_nothing_between_calls, needs=(blank,))
    seeded = make_check(same_seed_same_words, needs=(keeps,))
    saved = make_check(reads_what_it_wrote, needs=(keeps,))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        states,
        listed,
        plain,
        words,
        blank,
        make_check(keeps_emoji, needs=(blank,)),
        make_check(keeps_combining_marks, needs=(blank,)),
        make_check(keeps_right_to_left_text, needs=(blank,)),
        make_check(keeps_other_scripts, needs=(blank,)),
        make_check(keeps_control_characters, needs=(blank,)),
        make_check(keeps_lone_surrogates, needs=(blank,)),
        linear,
        make_check(keeps_megabytes, needs=(linear,)),
        keeps,
        make_check(survives_pickling, needs=(keeps,)),
        asks,
        make_check(refuses_to_fit_on_nothing, needs=(states,)),
        seeded,
        make_check(reads_its_texts_once, needs=(seeded,)),
        make_check(fits_anew, needs=(seeded,)),
        saved,
        make_check(refuses_damaged_files, needs=(saved,)),
    ]


def _make(factory: Factory) -> Tokenize:
    tokenize: Tokenize = factory()
    if not callable(tokenize):
        raise BrokenError(f"it makes {tokenize!r}, which can't be called")
    return tokenize


def words_are_a_list_of_texts(factory: Factory) -> None:
    """Called with a text, a tokenizer returns a list of texts."""
    words: Any = ready(factory)("One and two.")
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise BrokenError(f"for 'One and two.' it returns {words!r}")


def _rebuilds(tokenize: Tokenize) -> Callable[[str], None]:
    """Return a check that the words, joined, are the text without its white space."""

    def verify(text: str) -> None:
        found, expected = "".join(tokenize(text)), "".join(text.split())
        if found != expected:
            raise BrokenError(_difference(found, expected))

    return verify


def _difference(found: str, expected: str) -> str:
    """Say where two texts differ first, and what's there."""
    pairs = enumerate(zip(found, expected, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(found), len(expected)))
    here = slice(max(at - 10, 0), at + 10)
    return (
        f"after {at} characters its words, joined, have {found[here]!a} where the text without "
        f"white space has {expected[here]!a}"
    )


def words_rebuild_the_text(factory: Factory) -> None:
    """The words, joined, are the text without its white space."""
    verify = _rebuilds(ready(factory))
    for piece in (*_PLAIN, *_PIECES):
        at(verify, piece)
    hold(verify, _texts((*_PLAIN, *_PIECES, " ")), most=200)


# The same object each time, so that the texts are drawn once.
@functools.lru_cache
def _texts(pieces: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Return texts of pieces, the simplest first, that aren't all white space.

    Each piece is drawn as a character that stands for it: Hypothesis draws a string at once, and a list piece
    by piece, which takes many times as long.
    """
    table = {_PRIVATE + number: piece for number, piece in enumerate(pieces)}
    letters = st.text("".join(map(chr, table)), min_size=1)
    return letters.map(lambda text: text.translate(table)).filter(lambda text: not text.isspace())


#: The first of the characters that stand for nothing.
_PRIVATE: Final = 0xF0000


def _keeps(factory: Factory, special: tuple[str, ...]) -> None:
    # About half of all pieces are special.
    mixed = (*_PLAIN, *special * (len(_PLAIN) // len(special)))
    hold(_rebuilds(ready(factory)), _texts(mixed), most=100)


def keeps_emoji(factory: Factory) -> None:
    """The words rebuild a text with emoji: skin tones, flags, families that joiners hold together."""
    _keeps(factory, _EMOJI)


def keeps_combining_marks(factory: Factory) -> None:
    """The words rebuild a text with combining marks, without composing or decomposing any."""
    _keeps(factory, _MARKS)


def keeps_right_to_left_text(factory: Factory) -> None:
    """The words rebuild Hebrew and Arabic text, marks of direction included."""
    _keeps(factory, _RIGHT_TO_LEFT)


def keeps_other_scripts(factory: Factory) -> None:
    """The words rebuild text in any script, and characters that change their number in other cases."""
    _keeps(factory, _SCRIPTS)


def keeps_control_characters(factory: Factory) -> None:
    """The words rebuild a text with NUL, other control characters and characters of no width."""
    _keeps(factory, _CONTROLS)


def keeps_lone_surrogates(factory: Factory) -> None:
    """The words rebuild a text with lone surrogates, which broken files bring along."""
    _keeps(factory, _SURROGATES)


def words_hold_no_white_space(factory: Factory) -> None:
    """No word is empty or holds white space, whichever of Unicode's stands in the text."""
    tokenize = ready(factory)
    rebuilds = _rebuilds(tokenize)

    def verify(text: str) -> None:
        for word in tokenize(text):
            if not word or word.split() != [word]:
                raise BrokenError(f"one of its words is {show(word)}")
        rebuilds(text)

    hold(verify, _texts(("a", "b", ".", *_BLANKS)), most=100)


def blank_texts_have_no_words(factory: Factory) -> None:
    """An empty text and one of white space have no words."""
    tokenize = ready(factory)

    def verify(text: str) -> None:
        if words := tokenize(text):
            raise BrokenError(f"its words are {words!r}")

    hold(verify, st.text(_BLANKS, max_size=3), most=50)


def keeps_megabytes(factory: Factory) -> None:
    """The words rebuild texts of a million characters: sentences, white space, a single word."""
    verify = _rebuilds(ready(factory))
    for growth in _GROWTHS:
        at(verify, growth.text(_MEGABYTE))


_GROWTHS: Final = (
    Growth("sentences", "The cat sat on the mat, 42 times. "),
    Growth("one word of letters", "a"),
    Growth("digits", "7"),
    Growth("opening brackets", "("),
    Growth("full stops", "."),
    Growth("words joined by hyphens", "ab-"),
    Growth("white space", " \n"),
)


def takes_linear_time(factory: Factory) -> str:
    """The time grows with a text's length, and not with its square or worse."""
    tokenize = ready(factory)
    rates = [measure(tokenize, growth) for growth in _GROWTHS]
    return f"{rates[0] / 1e6:.1f} million characters of sentences a second"


def keeps_nothing_between_calls(factory: Factory) -> None:
    """The same text has the same words, whatever was read before."""
    tokenize = ready(factory)
    text = "The cat sat on the mat. The dog didn't."
    before = tokenize(text)
    for other in ("The", "Sat on it!", "the dog and the cat", ""):
        tokenize(other)
        if (again := tokenize(text)) != before:
            raise BrokenError(f"{before} became {again} after {other!r} was read")


def survives_pickling(factory: Factory) -> None:
    """A tokenizer can be pickled, as spaCy does to work in several processes, and gives the same words."""
    tokenize = ready(factory)
    text = "The cat sat on the mat. The dog didn't."
    before, after = tokenize(text), pickle.loads(pickle.dumps(tokenize))(text)
    if before != after:
        raise BrokenError(f"{before} became {after}")


# Checks of tokenizers that learn: fitting, and saving.

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
                raise BrokenError(f"{what}: it raised {type_and_message(error)}") from error
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
        raise BrokenError(f"{call}: it raised {type_and_message(error)}") from error
    raise BrokenError(f"{call}: it raised nothing")


def _expect_same(one: Tokenize, other: Tokenize, when: str) -> None:
    for text in (*_TEXTS, *_OTHER_TEXTS):
        if (words := one(text)) != (others := other(text)):
            raise BrokenError(
                f"input that shows it: {show(text)}\n{when}, its words are {others[:12]}, not {words[:12]}"
            )
