import json
import string

import pytest
from confection import Config
from config_examples import GOOD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqpipe.config import PipelineFileError, check, read_text
from seqpipe.messages import nearest

NAMES = st.text(string.ascii_letters + string.digits + "_é日", min_size=1, max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def configs(draw):
    """Draw nested sections in which no key is a section too."""
    sections = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        sections[name] = draw(st.dictionaries(NAMES.map("k".__add__), VALUES, max_size=3))
        for inner in draw(st.lists(NAMES.map("s".__add__), max_size=2, unique=True)):
            sections[f"{name}.{inner}"] = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    return {name: keys for name, keys in sections.items() if name != "DEFAULT"}


@st.composite
def texts(draw):
    """Draw sections, and write them as a file, each value over one line or more."""
    sections = draw(configs())
    lines = []
    for name, keys in sections.items():
        lines += [*draw(st.sampled_from([[], [""], ["# a comment"]])), f"[{name}]"]
        for key, value in keys.items():
            indent = draw(st.sampled_from([None, 2]))
            dumped = json.dumps(value, indent=indent, ensure_ascii=draw(st.booleans())).replace(
                "$", "$$"
            )
            # Only what json.dumps breaks into lines is indented: texts hold no line ends then.
            first, *more = dumped.split("\n")
            sign = draw(st.sampled_from([" = ", "=", ": ", " :  "]))
            lines += [f"{key}{sign}{first}", *(f"    {line}" for line in more)]
    return sections, "\n".join(lines) + "\n"


def _nested(sections):
    nested = {}
    for name, keys in sections.items():
        node = nested
        for part in name.split("."):
            node = node.setdefault(part, {})
        node.update(keys)
    return nested


@given(texts())
def test_a_file_is_read_as_it_was_written_and_as_confection_reads_it(drawn):
    sections, text = drawn
    read = read_text(text + "[last]\n").sections
    assert read == {**_nested(sections), "last": {}} == dict(Config().from_str(text + "[last]\n"))


@given(texts())
def test_places_point_at_their_keys(drawn):
    sections, text = drawn
    file = read_text(text + "[last]\n")
    lines = text.split("\n")
    for name, keys in sections.items():
        for path, word in [((*name.split("."),), name.split(".")[-1])] + [
            ((*name.split("."), key), key) for key in keys
        ]:
            place = file.place(path)
            line = lines[place.line - 1]
            assert place.text == line
            assert line[place.column - 1 :][: place.length] == word
            assert line.startswith("[") == (
                path[-1] not in keys or len(path) == len(name.split("."))
            )


@given(st.dictionaries(NAMES, SCALARS, min_size=1, max_size=4), st.data())
def test_references_are_followed_as_confection_does(values, data):
    lines = [
        "[a]",
        *(f"{key} = {json.dumps(value).replace('$', '$$')}" for key, value in values.items()),
        "[b]",
    ]
    for i in range(data.draw(st.integers(1, 4))):
        lines.append(
            f"r{i} = ${{a{data.draw(st.sampled_from('.:'))}{data.draw(st.sampled_from(sorted(values)))}}}"
        )
    text = "\n".join(lines) + "\n"
    assert read_text(text).sections == dict(Config().from_str(text))


@given(st.text(max_size=300) | st.text("[]{}=:$\"'.,#\n\t ab1\\", max_size=300))
def test_no_text_makes_anything_but_sections_or_an_error(text):
    try:
        assert isinstance(read_text(text).sections, dict)
    except PipelineFileError as error:
        assert error.diagnostics


@given(st.lists(st.text('-=.{}"ab1 $', max_size=12), max_size=5))
def test_no_words_make_anything_but_sections_or_an_error(words):
    try:
        assert isinstance(read_text("[a]\nb = 1\n", overrides=words).sections, dict)
    except PipelineFileError as error:
        assert error.diagnostics


def _known_keys():
    """Return line, column and word of each key and section in the good file that a check knows."""
    found = []
    for number, line in enumerate(GOOD.split("\n"), 1):
        if line.startswith("["):
            word = line.strip("[]").split(".")[-1]
            found.append((number, line.index(word) + 1, word))
        elif " = " in line and not line.startswith("@"):
            found.append((number, 1, line.split(" = ")[0]))
    return found


def _misspelt(word, kind, position, letter):
    i = position % len(word)
    return {
        "drop": word[:i] + word[i + 1 :],
        "add": word[:i] + letter + word[i:],
        "change": word[:i] + letter + word[i + 1 :],
        "swap": word[:i] + word[i : i + 2][::-1] + word[i + 2 :],
    }[kind]


@pytest.mark.parametrize(("line", "column", "word"), _known_keys())
@given(
    kind=st.sampled_from(["drop", "add", "change", "swap"]),
    position=st.integers(0, 20),
    letter=st.sampled_from(string.ascii_lowercase),
)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_misspelt_name_is_reported_at_its_place_with_the_right_one(
    line, column, word, kind, position, letter
):
    wrong = _misspelt(word, kind, position, letter)
    lines = GOOD.split("\n")
    names = [line.strip("[]").split(".")[0] for line in lines if line.startswith("[")]
    if wrong == word or wrong in names or wrong in ("", "vars", "paths"):
        return
    changed = lines[line - 1]
    lines[line - 1] = changed[: column - 1] + wrong + changed[column - 1 + len(word) :]
    # A section goes with its subsections, which are one and the same slip.
    if changed.startswith("[") and "." not in changed:
        lines = [one.replace(f"[{word}.", f"[{wrong}.") for one in lines]
    with pytest.raises(PipelineFileError) as caught:
        check(read_text("\n".join(lines)))
    at = [d for d in caught.value.diagnostics if (d.place.line, d.place.column) == (line, column)]
    assert at, str(caught.value)
    assert word in at[0].label
    assert len(caught.value.diagnostics) == 1


@given(
    st.text(string.ascii_lowercase, min_size=3, max_size=12),
    st.integers(0, 20),
    st.sampled_from("xyz"),
)
def test_the_nearest_name_is_the_one_a_typo_away(word, position, letter):
    i = position % len(word)
    wrong = word[:i] + letter + word[i + 1 :]
    names = [word, "something_else", "learning_rate"]
    assert wrong in names or word in nearest(wrong, names)
