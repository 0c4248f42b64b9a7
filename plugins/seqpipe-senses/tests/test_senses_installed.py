"""Pipeline files find the embedder."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

from seqpipe.plugins import find_part

from seqpipe_senses._embedder import MultiSense

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
EXAMPLE = (PACKAGE / "example/pipeline.cfg").read_text(encoding="utf-8")
PAIRS = (PACKAGE / "example/pairs.tsv").read_text(encoding="utf-8")


def test_entry_point_leads_to_the_part():
    part = find_part("embedders", "senses.MultiSense.v1")
    assert part.factory is MultiSense
    assert "seqpipe-senses" in str(part.owner)


def test_listing_imports_no_library():
    code = (
        "import sys, seqpipe_senses\n"
        "print(len(seqpipe_senses.seqpipe_embedders()))\n"
        "print(sorted({'numpy', 'scipy', 'spacy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"]


def test_readme_shows_the_section_of_the_example():
    sections = [part.rstrip() for part in EXAMPLE.split("\n\n") if part.startswith("[embedder")]
    assert len(sections) == 2 and all(section in README for section in sections)


def test_readme_lists_the_settings():
    for name, parameter in inspect.signature(MultiSense).parameters.items():
        missing = parameter.default is parameter.empty
        default = "required" if missing else f"`{json.dumps(parameter.default)}`"
        row = rf"^\| `{name}` \| .* \| {re.escape(default)} \| .* \|$"
        assert re.search(row, README, re.MULTILINE), (name, default)


def test_pairs_of_uses_are_balanced_and_have_their_word():
    rows = [line.split("\t") for line in PAIRS.splitlines()[1:]]
    assert len(rows) >= 60 and len({word for word, *_ in rows}) >= 20
    assert {kind for _, kind, *_ in rows} == {"same", "different"}
    assert 2 * sum(kind == "same" for _, kind, *_ in rows) == len(rows)
    for word, _, *texts in rows:
        assert len(texts) == 2 and texts[0] != texts[1]
        assert all(word in re.findall(r"\w+", text.lower()) for text in texts)
