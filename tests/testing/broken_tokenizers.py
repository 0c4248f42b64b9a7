"""Tokenizers that break one sentence of the contract each."""

import html
import re
import unicodedata


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
}
GOOD = [Good]
HELPERS = set()
