"""jieba's words."""

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import rjieba

from seqpipe_chinese._jieba import Jieba

TEXT = (
    "北京时间周六晚上，小明和李小福在武汉市的长江大桥边散步。\n"
    "他们说：“这件T恤只要６８元，比网上便宜15.5%！”　后来他们用C++写了一个程序……"
)

#: Texts, with their words by version 0.42.1 of the original jieba, with and without the hidden Markov
#: model.
ORIGINAL = [
    ("他来到了网易杭研大厦", "他 来到 了 网易 杭研 大厦", "他 来到 了 网易 杭 研 大厦"),
    ("武汉市长江大桥", "武汉市 长江大桥", "武汉市 长江大桥"),
    ("研究生命的起源", "研究 生命 的 起源", "研究 生命 的 起源"),
    ("南京市民在长江边散步", "南京 市民 在 长江 边 散步", "南京 市民 在 长江 边 散步"),
    ("繁體中文也能斷詞", "繁體 中文 也 能斷 詞", "繁 體 中文 也 能 斷 詞"),
    ("新款T恤和卡拉OK", "新款 T恤 和 卡拉 OK", "新款 T恤 和 卡拉 OK"),
    ("用C++写AT&T的程序", "用 C++ 写 AT&T 的 程序", "用 C++ 写 AT&T 的 程序"),
    ("2024-01-02高3.5%", "2024 - 01 - 02 高 3.5%", "2024 - 01 - 02 高 3 . 5 %"),
    (
        "www.example.com的1.2.3版",
        "www . example . com 的 1.2 . 3 版",
        "www . example . com 的 1 . 2 . 3 版",
    ),
    ("下降了50%-60%", "下降 了 50% - 60%", "下降 了 50 % - 60 %"),
    ("a_b.c+-d", "a _ b . c +- d", "a _ b . c + - d"),
    ("𠮷野家的㛃先生", "𠮷 野家 的 㛃 先生", "𠮷 野 家 的 㛃 先生"),
    ("（１９９８年）", "（ １ ９ ９ ８ 年 ）", "（ １ ９ ９ ８ 年 ）"),
    ("结束……了——吗", "结束 … … 了 — — 吗", "结束 … … 了 — — 吗"),
]


@pytest.mark.parametrize(("text", "with_hmm", "without"), ORIGINAL)
def test_words_are_those_of_the_original_jieba(text, with_hmm, without):
    assert Jieba()(text) == with_hmm.split()
    assert Jieba(hmm=False)(text) == without.split()


@pytest.mark.parametrize("hmm", [True, False])
def test_words_are_those_of_the_library(hmm):
    expected = [word for word in rjieba.cut(TEXT, hmm) if not word.isspace()]
    assert Jieba(hmm=hmm)(TEXT) == expected


def test_rare_characters_are_words_of_their_own():
    assert Jieba()("㛃𠮷.㐀") == ["㛃", "𠮷", ".", "㐀"]


def test_half_surrogate_pairs_are_words_of_their_own():
    assert Jieba()("清华\ud83d\udc4d大学") == ["清华", "\ud83d", "\udc4d", "大学"]


def test_white_space_is_no_word():
    assert Jieba()(" 我\u3000来到\r\n\t北京\x1c\x85") == ["我", "来到", "北京"]


def test_pickled_tokenizer_finds_the_same_words():
    tokenize = Jieba(hmm=False, words=["创新办"])
    text = "李小福是创新办主任"
    for twin in (pickle.loads(pickle.dumps(tokenize)), copy.deepcopy(tokenize)):
        assert twin(text) == tokenize(text) == ["李", "小", "福", "是", "创新办", "主任"]


def test_threads_find_the_same_words():
    tokenize = Jieba()
    expected = tokenize(TEXT)
    with ThreadPoolExecutor(4) as threads:
        assert all(words == expected for words in threads.map(tokenize, [TEXT] * 200))


def test_nothing_is_printed_or_written(tmp_path):
    code = "from seqpipe_chinese._jieba import Jieba; Jieba(words=['创新办'])('我来到北京')"
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-B", "-c", code],
        capture_output=True,
        cwd=tmp_path,
        env=environment,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not any(tmp_path.iterdir())
