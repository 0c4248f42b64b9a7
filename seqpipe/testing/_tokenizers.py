"""The contract of tokenizers."""

import pickle
import string
from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from seqpipe.parts.tokenizers import Tokenize
from seqpipe.testing import _learned_tokenizers as learned
from seqpipe.testing._check import BrokenError, Check, Factory, make_check
from seqpipe.testing._growth import Growth, measure
from seqpipe.testing._learned_tokenizers import ready
from seqpipe.testing._making import can_be_made, is_documented
from seqpipe.testing._smallest import at, hold, show

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
    states = make_check(learned.states_that_it_learns, needs=(made,))
    asks = make_check(learned.asks_to_be_fitted, needs=(states,))
    listed = make_check(words_are_a_list_of_texts, needs=(states,))
    plain = make_check(words_rebuild_the_text, needs=(listed,))
    words = make_check(words_hold_no_white_space, needs=(plain,))
    blank = make_check(blank_texts_have_no_words, needs=(words,))
    linear = make_check(takes_linear_time, needs=(blank,))
    keeps = make_check(keeps_nothing_between_calls, needs=(blank,))
    seeded = make_check(learned.same_seed_same_words, needs=(keeps,))
    saved = make_check(learned.reads_what_it_wrote, needs=(keeps,))
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
        make_check(learned.refuses_to_fit_on_nothing, needs=(states,)),
        seeded,
        make_check(learned.reads_its_texts_once, needs=(seeded,)),
        make_check(learned.fits_anew, needs=(seeded,)),
        saved,
        make_check(learned.refuses_damaged_files, needs=(saved,)),
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
    """Return the law that the words, joined, are the text without its white space."""

    def law(text: str) -> None:
        found, expected = "".join(tokenize(text)), "".join(text.split())
        if found != expected:
            raise BrokenError(_difference(found, expected))

    return law


def _difference(found: str, expected: str) -> str:
    """Tell where two texts differ first, and what stands there."""
    pairs = enumerate(zip(found, expected, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(found), len(expected)))
    here = slice(max(at - 10, 0), at + 10)
    return (
        f"after {at} characters its words, joined, have {found[here]!a} where the text without "
        f"white space has {expected[here]!a}"
    )


def words_rebuild_the_text(factory: Factory) -> None:
    """The words, joined, are the text without its white space."""
    law = _rebuilds(ready(factory))
    for piece in (*_PLAIN, *_PIECES):
        at(law, piece)
    pieces = st.sampled_from([*_PLAIN, *_PIECES, " "])
    texts = st.lists(pieces, min_size=1).map("".join).filter(lambda text: not text.isspace())
    hold(law, texts, most=200)


def _keeps(factory: Factory, special: tuple[str, ...]) -> None:
    plain = st.sampled_from([*_PLAIN])
    mixed = st.lists(plain | st.sampled_from(special), min_size=1)
    hold(_rebuilds(ready(factory)), mixed.map("".join), most=100)


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

    def law(text: str) -> None:
        for word in tokenize(text):
            if not word or word.split() != [word]:
                raise BrokenError(f"one of its words is {show(word)}")

    texts = st.lists(st.sampled_from([*"ab.", *_BLANKS]), min_size=1).map("".join)
    hold(law, texts.filter(lambda text: not text.isspace()), most=100)
    hold(_rebuilds(tokenize), texts.filter(lambda text: not text.isspace()), most=100)


def blank_texts_have_no_words(factory: Factory) -> None:
    """An empty text and one of white space have no words."""
    tokenize = ready(factory)

    def law(text: str) -> None:
        if words := tokenize(text):
            raise BrokenError(f"its words are {words!r}")

    hold(law, st.text(_BLANKS, max_size=3), most=50)


def keeps_megabytes(factory: Factory) -> None:
    """The words rebuild texts of a million characters: sentences, white space, a single word."""
    law = _rebuilds(ready(factory))
    for growth in _GROWTHS:
        at(law, growth.text(_MEGABYTE))


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
