"""Tokenizers that break one sentence of the contract each."""

import html
import json
import random
import re
import unicodedata

from seqpipe.errors import SavedModelError, TokenizerError
from seqpipe.parts.tokenizers import LearnedTokenizer


class Good:
    """Takes runs of letters and digits, and all else one by one."""

    def __call__(self, text):
        return self.change([match.group() for match in re.finditer(r"\w+|[^\w\s]", text)])

    def change(self, words):
        return words


class NotCallable:
    """Makes no tokenizer."""


class SettingsByPosition(Good):
    """Takes a setting by position."""

    def __init__(self, lower: bool = False) -> None:
        self.lower = lower


class Undocumented(Good):
    def change(self, words):
        return list(words)


class Generator(Good):
    """Returns the words one by one."""

    def change(self, words):
        return iter(words)


class Offsets(Good):
    """Returns where the words are."""

    def __call__(self, text):
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


class LowerCase(Good):
    """Changes capitals."""

    def change(self, words):
        return [word.lower() for word in words]


class LettersOnly(Good):
    """Loses punctuation."""

    def __call__(self, text):
        return re.findall(r"\w+", text)


class Unescapes(Good):
    """Writes what HTML escapes."""

    def __call__(self, text):
        return super().__call__(html.unescape(text))


class NoLinks(Good):
    """Writes URL for addresses."""

    def __call__(self, text):
        return super().__call__(re.sub(r"https?://\S+", "URL", text))


class WithoutQ(Good):
    """Loses a letter."""

    def change(self, words):
        return [word.replace("q", "") for word in words if word != "q"]


class OneBlank(Good):
    """Splits at blanks, and at nothing else."""

    def __call__(self, text):
        return text.split(" ")


class AsciiWhiteSpace(Good):
    """Knows the white space of ASCII only."""

    def __call__(self, text):
        return [word for word in re.split(r"[ \t\n\r\f\v]+", text) if word]


class NeverEmpty(Good):
    """Always returns a word."""

    def change(self, words):
        return words or [""]


class AsksForText(Good):
    """Refuses a text without words."""

    def change(self, words):
        if not words:
            raise ValueError("no words")
        return words


class BasicPlane(Good):
    """Loses what's beyond the first 65,536 characters of Unicode, but for letters."""

    def __call__(self, text):
        return super().__call__(re.sub(r"[\U0001f000-\U0001faff]", "", text))


class Composed(Good):
    """Composes letters and marks."""

    def __call__(self, text):
        return super().__call__(unicodedata.normalize("NFC", text))


class WithoutDirection(Good):
    """Loses the marks of direction."""

    def __call__(self, text):
        return super().__call__(re.sub("[\u200e\u200f\u202a-\u202e]", "", text))


class Compatible(Good):
    """Writes ligatures and fractions out."""

    def __call__(self, text):
        return super().__call__(
            re.sub("[ﬁ½Ⅷ]", lambda m: unicodedata.normalize("NFKC", m[0]), text)
        )


class WithoutControls(Good):
    """Loses control characters."""

    def __call__(self, text):
        return super().__call__(text.replace("\0", ""))


class Utf8(Good):
    """Goes by way of UTF-8."""

    def __call__(self, text):
        return super().__call__(text.encode("utf-8", "ignore").decode("utf-8"))


class Quadratic(Good):
    """Copies what's left of the text for every word."""

    def __call__(self, text):
        words = []
        text = text.lstrip()
        while text:
            word = re.match(r"[^\W\d_]+|\d|.", text, re.DOTALL).group()
            words.append(word)
            text = "".join([*text[len(word) :]]).lstrip()
        return words


class Exponential(Good):
    """Backtracks."""

    def __call__(self, text):
        re.match(r"(?:a+)+$", text)
        re.match(r"(?:a+)+b", text)
        return super().__call__(text)


class FirstPages(Good):
    """Stops after 300,000 characters."""

    def __call__(self, text):
        return super().__call__(text[:300_000])


class Remembers(Good):
    """Cuts words that it has seen often."""

    def __init__(self) -> None:
        self.seen = set()

    def change(self, words):
        words = [part for word in words for part in ([*word] if word in self.seen else [word])]
        self.seen.update(words)
        return words


class HoldsAFunction(Good):
    """Keeps a function that can't be pickled."""

    def __init__(self) -> None:
        self.find = lambda text: re.findall(r"\w+|[^\w\s]", text)

    def __call__(self, text):
        return self.find(text)


class Learned(LearnedTokenizer):
    """Knows the words that it was fitted on, and takes others letter by letter."""

    def __init__(self) -> None:
        self.known = None

    def __call__(self, text):
        if self.known is None:
            raise TokenizerError("it hasn't been fitted")
        words = re.findall(r"\w+|[^\w\s]", text)
        return [part for word in words for part in ([word] if word in self.known else [*word])]

    def fit(self, texts, *, seed=0):
        self.known = sorted({word for text in texts for word in re.findall(r"\w+", text)})
        if not self.known:
            raise TokenizerError("there's nothing to fit on")

    def to_disk(self, path):
        if self.known is None:
            raise TokenizerError("it hasn't been fitted")
        (path / "known.json").write_text(json.dumps([len(self.known), self.known]))

    def from_disk(self, path):
        try:
            _, self.known = json.loads((path / "known.json").read_text())
        except (OSError, ValueError) as error:
            raise SavedModelError(f"{path} can't be read: {error}") from error


class OnlyFits(Good):
    """Learns, and doesn't say so."""

    def fit(self, texts, *, seed=0):
        pass


class NeedsNoFit(Learned):
    """Gives letters before it's fitted."""

    def __call__(self, text):
        return super().__call__(text) if self.known else [*"".join(text.split())]


class SavesNothing(Learned):
    """Saves what it hasn't learned."""

    def to_disk(self, path):
        (path / "known.json").write_text(json.dumps([0, self.known]))


class FitsOnNothing(Learned):
    """Is content with nothing."""

    def fit(self, texts, *, seed=0):
        self.known = sorted({word for text in texts for word in re.findall(r"\w+", text)})


class ReadsTwice(Learned):
    """Reads its texts twice."""

    def fit(self, texts, *, seed=0):
        super().fit(text for text in texts if text)
        if any(text.startswith("The") for text in texts):
            self.known.append(".")
            self.known = self.known[len(self.known) // 2 :]


class Draws(Learned):
    """Forgets words at random, whatever the seed."""

    def fit(self, texts, *, seed=0):
        super().fit(texts)
        self.known = random.Random().sample(self.known, len(self.known) // 2)


class AddsUp(Learned):
    """Keeps what it learned before."""

    def fit(self, texts, *, seed=0):
        before = self.known or []
        super().fit(texts)
        self.known += before


class WritesHalf(Learned):
    """Writes half of what it has learned."""

    def to_disk(self, path):
        super().to_disk(path)
        (path / "known.json").write_text(json.dumps([0, self.known[: len(self.known) // 2]]))


class TakesAnyFile(Learned):
    """Takes a damaged file for an empty one."""

    def from_disk(self, path):
        try:
            super().from_disk(path)
        except SavedModelError:
            self.known = []


class RaisesAnything(Learned):
    """Doesn't say that a file is damaged."""

    def from_disk(self, path):
        _, self.known = json.loads((path / "known.json").read_text())


BROKEN = {
    "can_be_made": [NotCallable, SettingsByPosition],
    "is_documented": [Undocumented],
    "words_are_a_list_of_texts": [Generator, Offsets],
    "words_rebuild_the_text": [LowerCase, LettersOnly, Unescapes, NoLinks, WithoutQ],
    "words_hold_no_white_space": [OneBlank, AsciiWhiteSpace],
    "blank_texts_have_no_words": [NeverEmpty, AsksForText],
    "keeps_emoji": [BasicPlane],
    "keeps_combining_marks": [Composed],
    "keeps_right_to_left_text": [WithoutDirection],
    "keeps_other_scripts": [Compatible],
    "keeps_control_characters": [WithoutControls],
    "keeps_lone_surrogates": [Utf8],
    "takes_linear_time": [Quadratic, Exponential],
    "keeps_megabytes": [FirstPages],
    "keeps_nothing_between_calls": [Remembers],
    "survives_pickling": [HoldsAFunction],
    "states_that_it_learns": [OnlyFits],
    "asks_to_be_fitted": [NeedsNoFit, SavesNothing],
    "refuses_to_fit_on_nothing": [FitsOnNothing],
    "reads_its_texts_once": [ReadsTwice],
    "same_seed_same_words": [Draws],
    "fits_anew": [AddsUp],
    "reads_what_it_wrote": [WritesHalf],
    "refuses_damaged_files": [TakesAnyFile, RaisesAnything],
}
GOOD = [Good]
HELPERS = {"Learned"}
