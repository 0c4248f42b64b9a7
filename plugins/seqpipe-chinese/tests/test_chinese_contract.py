"""The tokenizers do what every tokenizer has to do, with Chinese texts too."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqpipe.testing import checks

from seqpipe_chinese._characters import Characters
from seqpipe_chinese._jieba import Jieba

FACTORIES = {
    "Jieba": Jieba,
    "Jieba without hmm": partial(Jieba, hmm=False),
    "Jieba with words": partial(Jieba, words=["酸菜鱼", "𠮷野家"]),
    "Characters": Characters,
    "Characters without runs": partial(Characters, latin_runs=False),
}

#: What Chinese texts are made of, and what gets in between.
PIECES = [
    *"我们中国人民𠮷㛃鬱龍〇々，。、；：？！“”‘’（）《》【】·…—─～￥％　１Ａｂ",
    *"abZ019.%+-#&_ \n\t\x00\x1c\x85\u200b\u200d\ufeff\ud83d\udc4d",
    *(
        "……",
        "——",
        "\r\n",
        "👍🏽",
        "👩‍👩‍👧",
        "🇨🇳",
        "葛\U000e0100",
        "e\u0301",
        "1\ufe0f\u20e3",
        "שלום",
    ),
    *("酸菜鱼", "𠮷野家", "3.5%", "www.example.com", "T恤", "C++", "한국", "ガ", "㎡", "①"),
]

#: One text of each kind, which is repeated.
LONG = {
    "sentences": "武汉市的长江大桥很长，有1.6公里。",
    "one run of words": "中国人民",
    "one character": "的",
    "a character of no word": "鬱",
    "a rare character": "𠮷",
    "an ambiguous run": "研究生命",
    "marks": "\u0301",
    "joined emoji": "👩\u200d",
    "half pairs": "\ud83d",
    "full-width blanks": "字\u3000",
    "ellipses": "…",
    "versions": "1.",
}


@pytest.fixture(scope="module", params=FACTORIES.values(), ids=FACTORIES.keys())
def factory(request):
    return request.param


@pytest.fixture(scope="module")
def tokenize(factory):
    return factory()


@pytest.mark.parametrize("check", checks("tokenizers"), ids=str)
def test_tokenizer_keeps_the_contract(check, factory):
    check(factory)


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_chinese_texts_keep_every_character(tokenize, text):
    assert_lossless(text, tokenize(text))


@given(st.text())
def test_any_text_keeps_every_character(tokenize, text):
    assert_lossless(text, tokenize(text))


@pytest.mark.parametrize("unit", LONG.values(), ids=LONG.keys())
def test_long_texts_keep_every_character(tokenize, unit):
    text = unit * (200_000 // len(unit))
    assert_lossless(text, tokenize(text))


@given(st.lists(st.lists(st.sampled_from(PIECES)).map("".join), min_size=2, max_size=2))
def test_white_space_parts_texts(tokenize, texts):
    one, other = texts
    assert tokenize(f"{one}\n{other}") == tokenize(one) + tokenize(other)


def assert_lossless(text, words):
    assert isinstance(words, list)
    assert "".join(words) == "".join(text.split())
    assert all(word.split() == [word] for word in words)
