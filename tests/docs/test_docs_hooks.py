"""Every hook has a page that's true, and a part that's offered by it works.

The hooks are those that `seqpipe.hookspecs` specifies: one that's added there has no page yet, and so fails
every test here.
"""

import importlib
import inspect
import json
import sys

import pytest
import spacy
from docs.pages import DOCS, blocks, section, table
from e2e.distributions import write_distribution

from seqpipe import hookspecs, testing
from seqpipe.config import DEFAULT_PARTS
from seqpipe.kinds import KINDS
from seqpipe.plugins import _host, find_part, host
from seqpipe.run import run

INDEX = DOCS / "hooks" / "README.md"
HOOKS = {
    name: function
    for name, function in vars(hookspecs).items()
    if hasattr(function, "seqpipe_spec")  # what pluggy marks specifications with
}
#: Where a pipeline file names the parts of a hook.
SECTIONS = {kind.registry.removeprefix("@"): kind.section for kind in KINDS.values()}

each_hook = pytest.mark.parametrize("hook", HOOKS)


def page_of(hook):
    return DOCS / "hooks" / f"{hook}.md"


def kind_of(hook):
    return hook.removeprefix("seqpipe_")


def test_there_is_a_hook_for_each_kind_and_a_page_for_each_hook():
    assert [*HOOKS] == [f"seqpipe_{kind}" for kind in hookspecs.KINDS]
    assert {path.stem for path in INDEX.parent.iterdir()} == {"README", *HOOKS}


@each_hook
def test_page_shows_the_signature(hook):
    page = page_of(hook)
    first = blocks(page)[0]
    assert first.text in section(page, "Signature")
    found = {}
    exec(first.text, found)
    assert inspect.signature(found[hook]) == inspect.signature(HOOKS[hook])
    assert hasattr(found[hook], "seqpipe_impl")


@each_hook
def test_index_and_page_say_where_it_is_used_and_what_the_factory_gets(hook):
    part = next(iter(host().load("seqpipe").parts[kind_of(hook)].values()))
    where, sizes = f"[{SECTIONS[hook]}]", f"({', '.join(part.sizes)})"
    assert table(INDEX, "Hooks")[hook][:2] == [f"`{where}`", f"`{sizes}`"]
    text = section(page_of(hook), "In a pipeline file")
    assert f"{where}\n@{hook} = " in text
    assert f"with `{sizes}` and the settings" in text or not part.sizes


@each_hook
def test_page_lists_the_checks_with_the_sentences_of_the_contract(hook):
    checks = testing.checks(kind_of(hook))
    rows = "\n".join(f"| `{check.name}` | {check.contract} |" for check in checks)
    page = page_of(hook)
    listed = [(name, *cells) for name, cells in table(page, "Checks").items()]
    assert listed == [(c.name, c.contract) for c in checks], f"{page.name} should list\n{rows}"


@each_hook
def test_page_lists_the_built_in_parts(hook):
    kind = kind_of(hook)
    assert {*table(page_of(hook), f"Built-in {kind}")} == {*host().load("seqpipe").parts[kind]}


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """Return a function that installs the example of a hook's page, and returns the names of its parts."""
    monkeypatch.syspath_prepend(tmp_path / "installed")
    for name in ("SEQPIPE_PLUGINS", "SEQPIPE_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)

    def install(hook):
        (text,) = (block.text for block in blocks(page_of(hook)) if block.title == "mine.py")
        write_distribution(tmp_path / "installed", "mine", "1.0", plugin="mine", text=text)
        importlib.invalidate_caches()
        _host._installed.cache_clear()
        return getattr(importlib.import_module("mine"), hook)()

    yield install
    sys.modules.pop("mine", None)
    _host._installed.cache_clear()


@each_hook
def test_part_that_is_offered_by_the_hook_is_found_trained_and_loaded(hook, offered, tmp_path):
    for number, (name, factory) in enumerate(offered(hook).items()):
        part = find_part(kind_of(hook), name)
        assert part.factory is factory and str(part.owner) == "mine 1.0"
        result = run(pipeline_with(hook, name, tmp_path), output=tmp_path / f"run{number}")
        assert result.report["plugins"]["mine"] == "mine 1.0"
        nlp = spacy.load(result.model)
        assert nlp("a cat of one kind").cats.keys() == {"one", "two"}
        config = (result.model / "config.cfg").read_text(encoding="utf-8")
        assert f'@{hook} = "{name}"' in config and 'package = "mine 1.0"' in config


def pipeline_with(hook, name, folder):
    """Write a pipeline file that names a part, and texts to train on."""
    rows = [{"text": f"{w} of number {i}", "label": w} for w in ("one", "two") for i in range(10)]
    texts = folder / "texts.jsonl"
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    slot = SECTIONS[hook]
    # Beside it what no file does without, and the section around its own.
    around = () if slot == "classifier" else ("head", slot.partition(".")[0])
    named = {each: DEFAULT_PARTS[each] for each in around}
    named[slot] = (f"@{hook}", name)
    lines = [f'[data]\n@readers = "seqpipe.Jsonl.v1"\npath = "{texts.as_posix()}"\n']
    lines += [f'[{each}]\n{registry} = "{part}"\n' for each, (registry, part) in named.items()]
    if slot != "classifier":
        lines.append("[training]\nmax_epochs = 1\n")
    file = folder / "pipeline.cfg"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file
