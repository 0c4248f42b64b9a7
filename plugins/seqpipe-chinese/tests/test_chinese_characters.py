"""Words by character."""

import pytest

from seqpipe_chinese._characters import Characters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我来到北京。", "我 来 到 北 京 。"),
        ("他说：“好！！”", "他 说 ： “ 好 ！ ！ ”"),
        ("𠮷野家㛃〇々", "𠮷 野 家 㛃 〇 々"),
        ("等等……好——不", "等 等 …… 好 —— 不"),
        ("等……——不…。", "等 …… —— 不 … 。"),
        ("买2台iPhone15，共￥9,998.50", "买 2 台 iPhone15 ， 共 ￥ 9 , 998 . 50"),
        ("１９９８年ＡＢＣ", "１９９８ 年 ＡＢＣ"),
        ("café和naïve", "café 和 naïve"),
        ("cafe\u0301！", "cafe\u0301 ！"),
        ("葛\U000e0100城", "葛\U000e0100 城"),
        ("好👍🏽👩‍👩‍👧🇨🇳🇩🇪❤️1\ufe0f\u20e3", "好 👍🏽 👩‍👩‍👧 🇨🇳 🇩🇪 ❤️ 1\ufe0f\u20e3"),
        ("\u0301中\u200d国\u200d", "\u0301 中\u200d 国\u200d"),
        ("привет한국", "п р и в е т 한 국"),
        ("a\x00b\ud83d", "a \x00 b \ud83d"),
    ],
)
def test_words_are_characters_and_runs(text, words):
    assert Characters()(text) == words.split(" ")


def test_latin_letters_can_be_words_of_their_own():
    assert Characters(latin_runs=False)("第12页cafe\u0301……") == [*"第12页caf", "e\u0301", "……"]


def test_white_space_ends_runs():
    assert Characters()("ab\u3000cd\x1c12\n…\n…") == ["ab", "cd", "12", "…", "…"]
