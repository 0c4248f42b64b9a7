"""What pages show can be run, and does what they say."""

import json
import re
import shutil
import sys

import pytest
from docs.pages import DOCS, PAGES, blocks, completed, name_of
from docs.reader import Reader, agrees, changed, commands

from seqpipe import config

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: These take longer than the others.
SLOW = (DOCS / "tutorial.md", DOCS / "plugins.md", DOCS / "first-model.md")
#: What they need is installed by few; tests/inference/test_inference_engines.py follows it.
ELSEWHERE = (DOCS / "engines.md",)


FOLLOWED = [
    pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] if page in SLOW else [])
    for page in PAGES
    if page not in ELSEWHERE
    and any(block.title or block.language == "python" for block in blocks(page))
]


@pytest.mark.parametrize("page", FOLLOWED)
def test_page_can_be_followed_from_its_top_to_its_end(page, trained, tmp_path):
    reader = Reader(tmp_path)
    if "runs/bbc-news" in page.read_text(encoding="utf-8"):
        shutil.copytree(trained, reader.folder / "runs" / "bbc-news")
    reader.follow(page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_name_of_a_file_precedes_it_as_titles_are_not_shown(page):
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r'^```\w+ title="(.+)"', text, re.MULTILINE):
        before = text[: found.start()].rpartition("```")[2]
        assert f"`{found[1]}`" in before, found[1]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_shown_can_be_read(page):
    for block in blocks(page):
        if block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "ini" and not block.title:
            name = f"{page.name}:{block.line}"
            config.check(config.read_text(completed(block.text), name=name))


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("one\ntwo\n", "one\ntwo\n"),
        ("a  b\n", "  a b  \n\n"),
        ("one\n\ntwo\n", "one\n\n \ntwo\n"),
        ("took … s\n", "took 3.2 s\n"),
        ("2 passed in …s\n", "2 passed in 63.01s (0:01:03)\n"),
        ("…\ntwo\n…\n", "one\ntwo\nthree\nfour\n"),
        ("…\none\n…\n", "one\n"),
        ("seqpipe 0.1.0", "seqpipe 0.1.0"),
    ],
)
def test_what_is_printed_agrees_with_what_is_shown(shown, printed):
    assert agrees(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("one\n", "one\ntwo\n"),
        ("two\n", "one\ntwo\n"),
        ("one\n\ntwo\n", "one\ntwo\n"),
        ("took … s", "took 3\n2 s"),
        ("a.c\n", "abc\n"),
        ("…\ntwo\none\n…\n", "one\ntwo\n"),
    ],
)
def test_what_is_printed_differs_from_what_is_shown(shown, printed):
    assert not agrees(shown, printed)


def test_change_is_made_where_it_is_shown():
    assert changed("a\nb\nc\n", " a\n-b\n+B\n+B\n") == "a\nB\nB\nc\n"
    assert changed("a\n\nb\n", " a\n\n-b\n+c\n") == "a\n\nc\n"
    for nowhere in ("-x\n+y\n", " a\n c\n+d\n"):
        with pytest.raises(AssertionError, match="isn't there"):
            changed("a\nb\nc\n", nowhere)


def test_commands_are_distinguished_from_their_output():
    assert commands("$ one --a\n$ two\nsays\n\nthis\n") == [
        ("one --a", ""),
        ("two", "says\n\nthis\n"),
    ]


FILE = '```text title="a.txt"\na\n```\n'


def test_command_that_nobody_knows_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{FILE}```console\n$ rm -rf .\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="nobody knows how to run 'rm -rf"):
        Reader(tmp_path).follow(page)


def test_command_that_prints_something_else_is_reported_with_its_place(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{FILE}```console\n$ python --version\nPython 1\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page.md:5: \$ python --version\nPython 3"):
        Reader(tmp_path).follow(page)
