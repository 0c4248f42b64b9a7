"""The tokenizers in spaCy: texts come back, words stand where they are."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

TEXT = (
    "我来到　北京清华大学。\r\n\r\nHello, 世界👍🏽！  2024-01-02 用C++写……\n"
    "\t葛\U000e0100城👩‍👩‍👧  \u3000café“好”\u3000\n"
)
NAMES = ["chinese.Jieba.v1", "chinese.Characters.v1"]


def blank(name, lang="zh", **settings):
    tokenizer = {"@seqpipe_tokenizers": name, **settings}
    config = {"nlp": {"tokenizer": {"@tokenizers": "seqpipe.Tokenizer.v1", "tokenizer": tokenizer}}}
    return spacy.blank(lang, config=config)


@pytest.fixture(scope="module", params=NAMES)
def nlp(request):
    return blank(request.param)


@pytest.mark.parametrize("lang", ["zh", "xx"])
@pytest.mark.parametrize("name", NAMES)
def test_doc_has_the_text_and_its_words(name, lang):
    nlp = blank(name, lang)
    doc = nlp(TEXT)
    assert doc.text == TEXT
    assert [t.text for t in doc if not t.is_space] == nlp.tokenizer.tokenize(TEXT)
    assert all(TEXT[t.idx : t.idx + len(t)] == t.text for t in doc)


@given(
    st.lists(
        st.sampled_from(["我来到", "北京", "。", " ", "  ", "\u3000", "\r\n", "a1", "👍🏽", "……"])
    )
)
def test_words_stand_where_they_are(nlp, pieces):
    text = "".join(pieces)
    doc = nlp(text)
    assert doc.text == text
    assert all(text[t.idx : t.idx + len(t)] == t.text for t in doc)


def test_settings_reach_the_tokenizer():
    nlp = blank("chinese.Jieba.v1", hmm=False, words=["云计算"])
    assert [t.text for t in nlp("他懂云计算")] == ["他", "懂", "云计算"]


@pytest.mark.parametrize("name", NAMES)
def test_saved_pipeline_finds_the_same_words(name, tmp_path):
    nlp = blank(name)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert [t.text for t in again(TEXT)] == [t.text for t in nlp(TEXT)]


# Python 3.12 and newer warn of any fork beside a thread; torch has some.
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_two_processes_find_the_same_words():
    nlp = blank("chinese.Jieba.v1", words=["云计算"])
    texts = ["他是云计算方面的专家", TEXT, "", "武汉市长江大桥"] * 5
    docs = list(nlp.pipe(texts, n_process=2, batch_size=4))
    assert [[t.text for t in doc] for doc in docs] == [
        [t.text for t in nlp(text)] for text in texts
    ]
