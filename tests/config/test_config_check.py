import pytest

from seqpipe.config import PipelineFileError, check, read_text
from seqpipe.config._schema import KIND_SLOTS, SECTIONS

RULES = {
    # what's replaced, by what, the text that's marked, and parts of the message and of the label
    "section": ("[training]", "[trainning]", "trainning", "no section", "[training]"),
    "key of pipeline": ("lang =", "lnag =", "lnag", "[pipeline] has no key", '"lang"'),
    "key of data": ("path =", "paht =", "paht", "(acme.Rows.v1) has no key", '"path"'),
    "key of a part": (
        "width = 64",
        "widht = 64",
        "widht",
        "(acme.Unroll.v1) has no key",
        '"width"',
    ),
    "key of spaCy": ("dropout", "droput", "droput", "[training] has no key", '"dropout"'),
    "subsection": ("[encoder.cell]", "[encoder.cel]", "cel", "has no section", '"cell"'),
    "split": ('"train"', '"trian"', '"trian"', "[data.split] has no key", '"train"'),
    "part": ("acme.Simple.v1", "acme.Smiple.v1", '"acme.Smiple.v1"', "no cell", '"acme.Simple.v1"'),
    "reader": ("acme.Rows.v1", "acme.Row.v1", '"acme.Row.v1"', "in @readers", '"acme.Rows.v1"'),
    "registry": (
        "@seqpipe_cells",
        "@seqpipe_cell",
        "@seqpipe_cell",
        "no registry",
        "@seqpipe_cells",
    ),
    "language": ('"en"', '"english"', '"english"', "no language", ""),
    "near language": ('"en"', '"enn"', '"enn"', "no language", '"en"'),
    "seed below": ("seed = 0", "seed = -1", "-1", "from 0 to", ""),
    "seed above": ("seed = 0", "seed = 4294967296", "4294967296", "from 0 to", ""),
    "name": ("seed = 0", 'name = "bbc-news"', '"bbc-news"', "can't be named", ""),
    "version": (
        "seed = 0",
        'version = "first"',
        '"first"',
        "a valid Python package version",
        '"1.0.0"',
    ),
    "integer": (
        "width = 64",
        'width = "64"',
        '"64"',
        'an integer, got the string "64"',
        "64?",
    ),
    "no fraction": (
        "width = 64",
        "width = 64.0",
        "64.0",
        "an integer, got the number 64.0",
        "64?",
    ),
    "number": ("rate = 0.5", 'rate = "0.5"', '"0.5"', "expected a number", "0.5"),
    "no truth": ("rate = 0.5", "rate = true", "true", "expected a number, got true", ""),
    "truth": ("bidirectional = true", 'bidirectional = "yes"', '"yes"', "a boolean", "true"),
    "null": ("width = 64", "width = null", "null", "an integer, got null", ""),
    "choice": (
        '"attention"',
        '"atention"',
        '"atention"',
        '"last", "mean" or "attention"',
        '"attention"',
    ),
    "list": (
        "rate = 0.5",
        "names = [1]",
        "1",
        "item 1: expected a string, got the number 1",
        '"1"',
    ),
    "text of list": ("rate = 0.5", 'names = "a"', '"a"', "expected a list", '["a"]'),
    "share": ('"dev": 0.1', '"dev": "x"', '"dev"', "expected a number", ""),
    "share below": ('"dev": 0.1', '"dev": 0', '"dev"', "above 0", ""),
    "shares": (
        '"dev": 0.1',
        '"dev": 0.2',
        '{"train": 0.8, "dev": 0.2, "test": 0.1}',
        "add up to 1.1",
        "",
    ),
    "no mapping": (
        'split = {"train": 0.8, "dev": 0.1, "test": 0.1}',
        "split = 0.8",
        "0.8",
        "mapping",
        "",
    ),
    "no function": ("[pipeline]", '[pipeline]\n@misc = "x"', "@misc", "names no function", ""),
    "two functions": (
        "forget_bias",
        '@misc = "x"\nforget_bias',
        "@misc",
        "more than one function",
        "",
    ),
    "number of function": ('"acme.Simple.v1"', "3", "3", "expected a string", ""),
}


def marked(problem):
    place = problem.place
    return place.text[place.column - 1 : place.column - 1 + place.length]


def test_a_good_file_passes(good, errors_of):
    assert errors_of(good) == []


@pytest.mark.parametrize("name", RULES)
def test_an_error_is_reported_where_it_is_with_what_was_meant(name, good, errors_of):
    before, after, mark, message, label = RULES[name]
    assert before in good
    (problem,) = errors_of(good.replace(before, after, 1))
    assert marked(problem) == mark
    assert message in problem.message
    assert label in problem.label


def test_all_errors_are_reported_at_once_in_their_order(good, errors_of):
    text = good
    for before, after in (("droput", "x"), ("seed = 0", "seed = -1"), ("width = 64", "widht = 64")):
        text = text.replace(before, after)
    text = text.replace("dropout", "droput").replace('"acme.Rows.v1"', '"acme.Row.v1"')
    problems = errors_of(text, "--training.foo", "3")
    lines = [problem.place.line for problem in problems]
    assert len(problems) == 5
    assert lines[:4] == sorted(lines[:4])
    assert lines[4] is None


@pytest.mark.parametrize("kind", KIND_SLOTS)
@pytest.mark.parametrize(
    "intruder", ["readers", "callbacks", "architectures", "seqpipe_cells", "seqpipe_heads"]
)
def test_a_slot_takes_its_own_kind_only(kind, intruder, good, errors_of):
    own = f"@seqpipe_{kind}s"
    if f"@{intruder}" == own:
        intruder = "misc"
    if own not in good:  # a classifier, which stands in the place of others
        good += f'\n[{kind}]\n{own} = "acme.Whole.v1"\n'
    start = good.index(own)
    end = good.index("\n", start)
    text = f'{good[:start]}@{intruder} = "acme.Danger.v1"{good[end:]}'
    found = [p for p in errors_of(text) if "takes what's in" in p.message]
    assert [marked(p) for p in found] == [f"@{intruder}"]
    assert own in found[0].message


@pytest.mark.parametrize(
    "intruder", ["callbacks", "loggers", "seqpipe_tokenizers", "architectures"]
)
def test_data_takes_readers_only(intruder, good, errors_of):
    text = good.replace('@readers = "acme.Rows.v1"', f'@{intruder} = "acme.Danger.v1"')
    assert "@readers" in errors_of(text)[0].message


def test_a_nested_block_is_checked_although_what_its_in_is_unknown(good, errors_of):
    text = good.replace("acme.Unroll.v1", "acme.Unrol.v1").replace("forget_bias", "forget_bais")
    assert [marked(problem) for problem in errors_of(text)] == ['"acme.Unrol.v1"', "forget_bais"]


def test_section_that_names_nothing_is_of_the_default_part(good, errors_of):
    # Which isn't installed here.
    (problem,) = errors_of(good.replace('@seqpipe_cells = "acme.Simple.v1"\n', ""))
    assert problem.message == 'there\'s no cell "seqpipe.LSTM.v1"'


def test_a_part_named_as_a_value_is_reported_how_its_written(good, errors_of):
    text = good.replace("[encoder.cell]\n", "").replace(
        '@seqpipe_cells = "acme.Simple.v1"\n', 'cell = "acme.Simple.v1"\n'
    )
    problem = next(p for p in errors_of(text) if "encoder.cell" in p.message)
    assert '[encoder.cell] with @seqpipe_cells = "acme.Simple.v1"' in problem.label


@pytest.mark.parametrize(
    ("line", "message", "question", "allowed"),
    [
        ('device = "gpu"', 'there\'s no device "gpu"', 'did you mean "cuda"?', "cuda, cuda:1"),
        ('precision = "float23"', 'there\'s no precision "float23"', '"float32"?', "or bfloat16"),
        ('device = "tpu"', 'there\'s no device "tpu"', "", "it may be cpu, cuda"),
    ],
)
def test_name_of_no_device_or_precision_has_what_may_be_there(
    line, message, question, allowed, good, errors_of
):
    (problem,) = errors_of(good.replace("[pipeline]\n", f"[pipeline]\n{line}\n"))
    assert problem.message == message
    assert question in problem.label and bool(question) == bool(problem.label)
    (help,) = problem.help
    assert allowed in help


@pytest.mark.parametrize("name", ["data", "head"])
def test_data_and_head_are_needed(name, good, errors_of):
    start = good.index(f"[{name}]")
    end = good.index("\n[", start)
    (problem,) = errors_of(good[:start] + good[end:])
    assert problem.message == f"the file has no section [{name}]"
    assert problem.place.line is None


@pytest.mark.parametrize("name", [name for name in SECTIONS if name not in ("data", "head")])
def test_other_sections_may_be_left_out(name, good, errors_of):
    blocks = [
        block for block in good.split("\n\n") if not block.startswith((f"[{name}]", f"[{name}."))
    ]
    assert errors_of("\n\n".join(blocks)) == []


def test_a_misspelt_section_isnt_missing_too(good, errors_of):
    (problem,) = errors_of(good.replace("[head]", "[haed]"))
    assert problem.label == "did you mean [head]?"


def test_a_misspelt_setting_isnt_missing_too(good, errors_of):
    assert len(errors_of(good.replace("path =", "pth ="))) == 1


def test_a_missing_setting_is_reported_at_its_section(good, errors_of):
    (problem,) = errors_of(good.replace('path = "rows.csv"\n', ""))
    assert marked(problem) == "data"
    assert '"path"' in problem.message


def test_parts_of_the_data_may_have_readers_of_their_own(good, errors_of):
    whole = '@readers = "acme.Rows.v1"\npath = "rows.csv"\nsplit = {"train": 0.8, "dev": 0.1, "test": 0.1}\n'
    parts = "".join(
        f'[data.{part}]\n@readers = "acme.Rows.v1"\npath = "{part}.csv"\n'
        for part in ("train", "test")
    )
    text = good.replace(whole, f'split = {{"dev": 0.1}}\n{parts}')
    assert errors_of(text) == []
    (problem,) = errors_of(text.replace("[data.test]", "[data.tset]"))
    assert (marked(problem), problem.label) == ("tset", 'did you mean "test"?')
    (problem,) = errors_of(
        text.replace('[data.test]\n@readers = "acme.Rows.v1"', '[data.test]\n@misc = "x"')
    )
    assert "[data.test] takes what's in @readers" in problem.message


def test_a_value_that_comes_from_elsewhere_is_shown_there_too(good, errors_of):
    text = good.replace("max_epochs = 10", "max_epochs = ${vars.n}") + '[vars]\nn = "10"\n'
    (problem,) = errors_of(text)
    assert marked(problem) == "${vars.n}"
    assert [place.text for place, _ in problem.also] == ['n = "10"']


def test_a_broken_plugin_is_reported_where_its_named(good, errors_of):
    (problem,) = errors_of(good.replace("acme.Simple.v1", "broken.Simple.v1"))
    assert marked(problem) == '"broken.Simple.v1"'
    assert "can't be imported" in problem.help[0]


def test_an_error_names_the_file_and_counts(good):
    text = good.replace("dropout", "droput").replace("seed = 0", "seed = -1")
    with pytest.raises(PipelineFileError, match=r"2 errors in my\.cfg$"):
        check(read_text(text, name="my.cfg"))


def test_many_errors_are_cut_off(good):
    text = good + "".join(f"[x{i}]\ny = 1\n" for i in range(3000))
    with pytest.raises(PipelineFileError, match="more than 50 errors"):
        check(read_text(text))


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("embedder", '@seqpipe_embedders = {"@readers": "x.v1"}'),
        ("pipeline", 'seed = {"@schedules": "constant.v1", "rate": 1}'),
        ("components.x", 'factory = {"@misc": "y.v1"}'),
        ("system", 'seed = {"@misc": "y.v1"}'),
    ],
)
def test_block_where_nothing_is_made_is_refused_at_its_place(errors_of, section, line):
    found = errors_of(f'[data]\n@readers = "acme.Rows.v1"\npath = "x"\n[{section}]\n{line}\n')
    assert any(one.place.text == line and "expected" in one.message for one in found)


def test_number_of_more_than_64_bits_is_refused_at_its_place(errors_of, good):
    (found,) = errors_of(good.replace("width = 64", f"width = {2**63}"))
    assert "64 bits" in found.message
    assert found.place.text == f"width = {2**63}"
    assert errors_of(good.replace("width = 64", f"width = {2**63 - 1}")) == []


@pytest.mark.parametrize(
    ("section", "line", "mark", "message"),
    [
        ("decision", "temprature = 2.0", "temprature", "no key"),
        ("decision", 'temperature = "tune"', '"tune"', "expected"),
        ("decision", "abstain_below = []", "[]", "expected"),
        ("decision", '@misc = "x"', "@misc", "names no function"),
    ],
)
def test_mistake_in_a_decision_is_placed(good, errors_of, section, line, mark, message):
    (problem,) = errors_of(f"{good}\n[{section}]\n{line}\n")
    assert marked(problem) == mark and message in problem.message
