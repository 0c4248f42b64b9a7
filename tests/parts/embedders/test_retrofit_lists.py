"""Lists of synonyms and antonyms are read as they're written."""

import gzip

import pytest

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.embedders.retrofit._lists import list_paths, read_antonyms, read_synonyms


@pytest.fixture
def write(tmp_path):
    def write(text, name="list.txt"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def test_group_is_each_pair_of_its_words(write):
    assert read_synonyms([write("a b c\n")]) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_blank_lines_and_remarks_are_passed_over(write):
    assert read_antonyms([write("# which\n\n  \nhot cold\n")]) == [("hot", "cold")]


def test_tabs_divide_words_of_several_parts(write):
    assert read_antonyms([write("ice cream\t hot soup \n")]) == [("ice cream", "hot soup")]


def test_several_lists_are_one_behind_the_other(write, tmp_path):
    packed = tmp_path / "more.txt.gz"
    packed.write_bytes(gzip.compress("naïve wise\n".encode()))
    paths = [write("a b\n"), str(packed)]
    assert read_antonyms(paths) == [("a", "b"), ("naïve", "wise")]
    assert read_synonyms(paths) == read_antonyms(paths)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_antonyms, "a b\na b c\n", "txt:2 has 3 words; a line of antonyms has two"),
        (read_antonyms, "a\n", "txt:1 has 1 word;"),
        (read_synonyms, "\n a \n", "txt:2 has 1 word; a line of synonyms has two or more"),
        (read_synonyms, "a " * 1001, "txt:1 has 1,001 words, each of which"),
        (read_synonyms, "# nothing\n", "lists nothing"),
        (read_antonyms, "", "lists nothing"),
    ],
)
def test_what_is_no_list_is_refused_with_its_place(write, read, text, message):
    with pytest.raises(DataError, match=message):
        read([write(text)])


def test_list_that_is_not_there_is_refused():
    with pytest.raises(DataError, match=r"nowhere\.txt isn't there"):
        read_synonyms(["nowhere.txt"])


def test_setting_names_one_list_or_several_or_none():
    assert list_paths("synonyms", "a.txt") == ("a.txt",)
    assert list_paths("synonyms", ["a.txt", "b.txt"]) == ("a.txt", "b.txt")
    assert list_paths("synonyms", "") == ()
    with pytest.raises(ConfigError, match="an empty path stands in `synonyms`"):
        list_paths("synonyms", ["a.txt", ""])
