"""Words of one's own, from the settings `words` and `dictionary`."""

import pickle

import pytest
import rjieba
from seqpipe.errors import ConfigError

from seqpipe_chinese._jieba import Jieba


@pytest.fixture
def dictionary(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "words.txt"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("云计算", "他是云计算方面的专家"),
        ("创新办", "李小福是创新办主任"),
        ("𠮷野家", "我们去𠮷野家吃饭"),
        ("iPhone-16", "新的iPhone-16发布了"),
        ("5G网络", "全城都有5G网络"),
    ],
)
@pytest.mark.parametrize("hmm", [True, False])
def test_words_are_joined(word, text, hmm):
    assert word not in Jieba(hmm=hmm)(text)
    assert word in Jieba(hmm=hmm, words=[word])(text)


def test_tokenizers_have_their_own_words():
    text = "他是云计算方面的专家"
    before = Jieba()
    with_word = Jieba(words=["云计算"])
    assert "云计算" in with_word(text)
    assert "云计算" not in before(text)
    assert "云计算" not in Jieba()(text)
    assert "云计算" not in rjieba.cut(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_dictionary_is_read(dictionary, encoding):
    path = dictionary("云计算 5\r\n创新办 3 i\n\n  李小福 nr \n韩玉赏鉴\n", encoding)
    words = Jieba(dictionary=path)("李小福是创新办主任，也懂云计算和韩玉赏鉴")
    assert {"云计算", "创新办", "李小福", "韩玉赏鉴"} <= set(words)


def test_frequency_decides_between_words(dictionary):
    text = "如果放到数据库中将出错"
    assert Jieba(hmm=False)(text)[-2:] == ["中将", "出错"]
    assert Jieba(hmm=False, dictionary=dictionary("中将 1"))(text)[-3:] == ["中", "将", "出错"]
    assert Jieba(hmm=False, dictionary=dictionary("库中 90000"))(text)[-3:] == [
        "库中",
        "将",
        "出错",
    ]


def test_pickled_tokenizer_needs_no_dictionary(dictionary, tmp_path):
    pickled = pickle.dumps(Jieba(dictionary=dictionary("云计算 5")))
    (tmp_path / "words.txt").unlink()
    assert "云计算" in pickle.loads(pickled)("他是云计算方面的专家")


@pytest.mark.parametrize(
    "word", ["", " ", "云 计算", "云\u3000", "\ud83d", "A/B", "东·西", "α粒子", "好！"]
)
def test_words_that_jieba_never_joins_are_refused(word):
    with pytest.raises(ConfigError, match=r"`words` has .* which jieba can't join"):
        Jieba(words=["云计算", word])


@pytest.mark.parametrize("words", ["云计算", ["云计算", 5], {"云计算": 5}])
def test_anything_but_a_list_of_texts_is_refused(words):
    with pytest.raises(ConfigError, match=r"`words` is .*; it must be a list of texts"):
        Jieba(words=words)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Edu Trust认证 20", "it must be"),
        ("云计算 -5", "it must be"),
        ("云计算 5 n n", "it must be"),
        ("云计算 0", "the frequency 0; it may be 1 to 1,000,000,000"),
        ("云计算 9999999999", "it may be 1 to 1,000,000,000"),
        ("云计算 " + "9" * 5000, "it must be"),
        ("东·西 5", "jieba can't join"),
    ],
)
def test_bad_lines_are_refused_with_their_number(dictionary, line, message):
    path = dictionary(f"创新办 3\n{line}\n")
    with pytest.raises(ConfigError, match=message) as caught:
        Jieba(dictionary=path)
    assert str(caught.value).startswith(f"`dictionary`, {path}:2 ")


def test_a_dictionary_that_cant_be_read_is_refused(dictionary, tmp_path):
    for path in (
        str(tmp_path / "absent.txt"),
        str(tmp_path),
        dictionary("云计算", "gb18030"),
        "a\0b",
    ):
        with pytest.raises(ConfigError, match=r"`dictionary` is .* which can't be read"):
            Jieba(dictionary=path)
