"""Texts that come in words."""

import gzip

import pytest

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import AlignedLines, Columns, ConllU

PEOPLE = "Ada B-PER\nByron I-PER\nwrote O\n. O\n\nIn O\nBath B-LOC\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="words.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path.as_posix()

    return write


def spans(row):
    return [(row.text[start:end], label) for start, end, label in row.spans]


# Columns.


def test_columns_are_texts_with_words_tags_and_entities(write):
    path = write(PEOPLE)
    first, second = Columns(path).read().rows
    assert first.text == "Ada Byron wrote ."
    assert first.words == ("Ada", "Byron", "wrote", ".")
    assert first.spaces == (True, True, True, False)
    assert first.tags == {"tag": ("B-PER", "I-PER", "O", "O")}
    assert spans(first) == [("Ada Byron", "PER")]
    assert (second.source, spans(second)) == (f"{path}:6", [("Bath", "LOC")])
    assert first.labels == ()


def test_columns_and_their_names_are_chosen(write):
    path = write("-DOCSTART- -X- O\n\n1\tAda\tNNP\tB-PER\n2\trests\tVBZ\tO\n")
    reader = Columns(path, word=1, tags={"xpos": 2, "ner": 3}, delimiter="\t", encoding="ascii")
    (row,) = reader.read().rows
    assert row.words == ("Ada", "rests")
    assert row.tags == {"xpos": ("NNP", "VBZ"), "ner": ("B-PER", "O")}
    assert spans(row) == [("Ada", "PER")]
    assert Columns(path, word=1, tags={"xpos": 2}, delimiter="\t").read().rows[0].spans is None


def test_characters_stand_without_blanks(write):
    (row,) = Columns(write("高 B-NAME\n勇 E-NAME\n, O\n"), spaces=False).read().rows
    assert (row.text, spans(row)) == ("高勇,", [("高勇", "NAME")])


def test_comments_are_left_out_if_there_are_any(write):
    path = write("# sent 1\nAda O\n#tag O\n")
    assert Columns(path, comment="# ").read().rows[0].words == ("Ada", "#tag")
    with pytest.raises(DataError, match=r"its word 1 has 3 columns, .* where most have 2"):
        Columns(write("# sent 1\nAda O\nran O\n")).read()


DAMAGE = [
    ("Ada O\nByron\n", "its word 2 has 1 columns, separated by blanks and tabs, where most have 2"),
    ("Ada B_PER\n", 'it has the tag "B_PER"'),
    ("Ada E-PER\n", "the tag of its word 1, .* breaks the scheme BIO"),
    ("Ada I-PER\nByron B-PER\nx B-LOC\n", "the tag of its word 1, .* breaks the scheme BIO"),
    ("A\0da O\n", "NUL"),
    ("Ada O\n\udcff O\n", "its word 2: the byte 0xFF"),
]


@pytest.mark.parametrize(("bad", "message"), DAMAGE)
def test_bad_text_is_told_or_left_out_alone(write, bad, message):
    good = "Ada B-PER\nByron I-PER\n\n"
    path = write((good + bad + "\n" + good * 2).encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=rf"words.txt:4: .*{message}"):
        Columns(path).read()
    result = Columns(path, on_bad_row="skip").read()
    assert [spans(row) for row in result.rows] == [[("Ada Byron", "PER")]] * 3
    assert [each.source for each in result.skipped] == [f"{path}:4"]


def test_column_that_is_missing_is_told(write):
    with pytest.raises(DataError, match=r'it has 2 columns, and "ner" is column 3$'):
        Columns(write("Ada O\n"), tags={"ner": 3}).read()
    with pytest.raises(DataError, match=r'it has 2 columns, and "word" is column 5$'):
        Columns(write("Ada O\n"), word=5, tags={"word": 1}).read()


def test_file_without_entities_is_no_file_without_tags(write):
    assert Columns(write("Ada O\n\nByron O\n")).read().rows[0].spans == ()
    assert Columns(write("Ada NOUN\n\nByron NOUN\n")).read().rows[0].spans is None


def test_cells_are_stripped_and_other_white_space_stays_in_words(write):
    (row,) = Columns(write("Ada, B-PER\n"), delimiter=",").read().rows
    assert (row.words, spans(row)) == (("Ada",), [("Ada", "PER")])
    (row,) = Columns(write("1\u00a0000\tO\n")).read().rows
    assert row.words == ("1\u00a0000",)


@pytest.mark.parametrize("text", ["", "\n\n \n", "-DOCSTART- -X- O\n"])
def test_file_without_words_is_told(write, text):
    with pytest.raises(DataError, match="holds no rows"):
        Columns(write(text)).read()


def test_scheme_is_taken_as_it_is_said(write):
    path = write("Ada I-PER\nBath I-LOC\n")
    assert len(Columns(path).read().rows[0].spans) == 2
    with pytest.raises(DataError, match="breaks the scheme BIO"):
        Columns(path, scheme="BIO").read()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheme": "BIOX"}, "`scheme`"),
        ({"entities": "nre", "tags": {"ner": 1}}, 'did you mean "ner"'),
        ({"entities": "ner"}, "`entities`"),
        ({"delimiter": "ab"}, "`delimiter`"),
        ({"delimiter": ""}, "`delimiter`"),
        ({"on_bad_row": "drop"}, "on_bad_row"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Columns("x", **settings)


# Aligned lines.


def aligned(
    write,
    *,
    words="fly to New York\nfares\n",
    tags="O O B-city I-city\nO\n",
    labels="flight\nfare\n",
):
    return {
        "path": write(words, "seq.in"),
        "tags": {"slot": write(tags, "seq.out")},
        "label": write(labels, "label"),
    }


def test_lines_of_three_files_belong_together(write):
    first, second = AlignedLines(**aligned(write)).read().rows
    assert (first.text, first.labels) == ("fly to New York", ("flight",))
    assert spans(first) == [("New York", "city")]
    assert (second.labels, second.spans) == (("fare",), ())


def test_several_labels_are_separated(write):
    files = aligned(write, labels="flight#fare\nfare\n")
    assert AlignedLines(**files).read().rows[0].labels == ("flight#fare",)
    assert AlignedLines(**files, label_separator="#").read().rows[0].labels == ("flight", "fare")


def test_files_of_other_lengths_are_refused(write):
    with pytest.raises(DataError, match=r"seq.in has 2 lines and .*label has 1"):
        AlignedLines(**aligned(write, labels="flight\n")).read()
    with pytest.raises(DataError, match=r"seq.out has 2 lines and .*seq.in has 1"):
        AlignedLines(**aligned(write, words="fly to New York\n")).read()


def test_empty_lines_at_the_end_of_some_files_are_none(write):
    files = aligned(write, labels="flight\nfare\n\n\n", words="fly to New York\nfares\n\n")
    assert len(AlignedLines(**files).read().rows) == 2
    last = aligned(write, labels="flight\n\n")
    with pytest.raises(DataError, match=r"seq.in:2: its label is empty"):
        AlignedLines(**last).read()
    assert len(AlignedLines(**last, on_bad_row="skip").read().rows) == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tags": "O O B-city\nO\n"}, 'it has 4 words and 3 of "slot"'),
        ({"tags": "O O I-city I-city\nB-x\n"}, "breaks the scheme BIO"),
        ({"words": "\nfares\n", "tags": "\nO\n"}, "its text is empty"),
        ({"labels": "\nfare\n"}, "its label is empty"),
    ],
)
def test_bad_line_is_told_or_left_out_alone(write, files, message):
    given = aligned(write, **files)
    with pytest.raises(DataError, match=rf"seq.in:1: .*{message}"):
        AlignedLines(**given).read()
    result = AlignedLines(**given, on_bad_row="skip").read()
    assert [row.text for row in result.rows] == ["fares"]


# CoNLL-U.

SENTENCE = """# text = I don't sing.
1	I	I	PRON	PRP	Case=Nom	4	nsubj	_	_
2-3	don't	_	_	_	_	_	_	_	_
2	do	do	AUX	VBP	_	4	aux	_	_
3	n't	not	PART	RB	_	4	advmod	_	_
4	sing	sing	VERB	VB	_	0	root	_	SpaceAfter=No
4.1	it	it	PRON	_	_	_	_	4:obj	_
5	.	.	PUNCT	.	_	4	punct	_	_
"""


def conllu(*heads):
    return "".join(f"{n}\tw\t_\tX\t_\t_\t{head}\t_\t_\t_\n" for n, head in enumerate(heads, 1))


def test_sentence_has_words_blanks_and_tags(write, tmp_path):
    packed = tmp_path / "a.conllu.gz"
    packed.write_bytes(gzip.compress((SENTENCE + "\n" + SENTENCE).encode()))
    first, second = ConllU(packed.as_posix()).read().rows
    assert first.words == ("I", "do", "n't", "sing", ".")
    assert first.text == "I don't sing."
    assert first.tags["upos"] == ("PRON", "AUX", "PART", "VERB", "PUNCT")
    assert first.tags["feats"] == ("Case=Nom", None, None, None, None)
    assert first.tags["head"] == ("4", "4", "4", "0", "4")
    assert second.source.endswith(".conllu.gz:11")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tw\t_\n", "word 1 has 3 columns"),
        (conllu("_").replace("1\t", "2\t"), "its word 1 has the number 2"),
        (conllu("_").replace("1\t", "x\t"), "'x' is no number"),
        (conllu(0, 0), "2 roots"),
        (conllu(2, 1), "0 roots"),
        (conllu(0, 3, 2), "from word 2 they lead to word 2 again"),
        (conllu(0, 7), "the head of its word 2 is 7"),
        (conllu("a"), "'a' is no number"),
        ("1-9\t" + "_\t" * 8 + "_\n" + conllu(0), "its token 1-9 doesn't fit: the next word is 1"),
        (conllu(0) + "1-2\t" + "_\t" * 8 + "_\n", "its token 1-2 doesn't fit: the next word is 2"),
    ],
)
def test_bad_sentence_is_told_or_left_out_alone(write, text, message):
    path = write(f"{SENTENCE}\n{text}\n{SENTENCE}")
    with pytest.raises(DataError, match=rf"words.txt:10: .*{message}"):
        ConllU(path).read()
    result = ConllU(path, on_bad_row="skip").read()
    assert (len(result.rows), len(result.skipped)) == (2, 1)


def test_heads_need_not_be_read(write):
    (row,) = ConllU(write(conllu(0, 0)), heads=False).read().rows
    assert [*row.tags] == ["lemma", "upos", "xpos", "feats"]


@pytest.mark.parametrize("settings", [{"delimiter": "\t"}, {"word": -1}])
def test_words_are_not_their_own_tags(write, settings):
    with pytest.raises(DataError, match=r'"tag" is that of the words: mend `delimiter`.*tags`$'):
        Columns(write("Ada B-PER\n"), **settings).read()
