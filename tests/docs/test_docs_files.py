"""Every pipeline file and config that pages show can be run, and so can those that are shipped.

What a page leaves out of one is added. Their data are small ones of the same shape, and two steps are
enough.
"""

import json
import shutil

import numpy as np
import pytest
import spacy
from docs.pages import PAGES, ROOT, blocks, completed, name_of
from spacy.training import Example

from seqpipe import config
from seqpipe.run import run

#: These aren't run here, as there's no small stand-in for what they need.
NOT_HERE = {
    "plugins/": "reads what a plugin's own tests have, and is run by these",
    "pipelines/cora-nodes": "reads what a plugin's own tests have, and is run by these",
    "pipelines/groceries-items": "reads what a plugin's own tests have, and is run by these",
    "pipelines/zh-words": "takes a plugin's tokenizer and Chinese word lists below SEQPIPE_DATA",
}

#: Placeholders for the files that a part reads, by its setting.
FILES = {
    "seqpipe.Csv.v1": {"path": "texts.csv"},
    "seqpipe.Jsonl.v1": {"path": "texts.jsonl"},
    "seqpipe.Lines.v1": {"path": "lines.txt"},
    "seqpipe.Folders.v1": {"path": "folders"},
    "seqpipe.LabelledLines.v1": {"path": "labelled.txt"},
    "seqpipe.AlignedLines.v1": {"path": "seq.in", "label": "label"},
    "seqpipe.Columns.v1": {"path": "columns.txt"},
    "seqpipe.ConllU.v1": {"path": "words.conllu"},
    "seqpipe.WordSimilarity.v1": {"path": "pairs.txt"},
    "seqpipe.Analogies.v1": {"path": "analogies.txt"},
    "seqpipe.SentenceSimilarity.v1": {"path": "sentences.tsv"},
    "seqpipe.Pretrained.v1": {"path": "vectors.txt"},
    "seqpipe.CounterFitted.v1": {"antonyms": "antonyms.txt", "synonyms": "synonyms.txt"},
}
#: Files of a page's own, which have what's learnt from them: their settings are as the page has them, but for the paths.
OWN = {
    "graded.csv": [
        "text,stars,verdict",
        *(f"a text of {i} words,{i % 3}.5,{('poor', 'fair', 'good')[i % 3]}" for i in range(24)),
    ],
    "first-second.csv": [
        "first,second,similarity",
        *(f"text {i},a text {i % 5},{i % 5}.0" for i in range(24)),
    ],
    "seq.in": [f"fly to town{i}" for i in range(24)],
    "seq.out": ["O O B-TOWN"] * 24,
    "label": ["fly", "go"] * 12,
}
#: How the placeholder for a table is read, where a file says that its own is another one.
TABLE = {
    "seqpipe.Csv.v1": {
        **{"text": "text", "label": "label", "header": "true", "delimiter": ","},
        "quote": '"',
    }
}
#: How the placeholder for pairs is read.
PAIRS = {"header": "true", "quote": '"', "text": "first", "pair": "second", "label": "similarity"}
_LITTLE = {"width": 4, "epochs": 1, "min_count": 1, "threads": 1}
#: Settings that make a part cheap, or fit few data.
CHEAP = {
    "seqpipe.FastText.v1": {**_LITTLE, "buckets": 50},
    "seqpipe.Word2Vec.v1": _LITTLE,
    "seqpipe.FastTextClassifier.v1": {**_LITTLE, "buckets": 50},
    # The others are compiled first, which has tests of its own.
    "seqpipe.Recurrent.v1": {"engine": "plain"},
}
TWO_STEPS = ["--training.max_steps", "2", "--training.eval_frequency", "2"]

#: Language models that files name, as the settings of one that's as wide as theirs, but for what's `CHEAP`.
MODELS = {
    "forward": {"width": 4},
    "backward": {"width": 4, "direction": "backward"},
    "words": {"unit": "word", "width": 128, "embedding_width": 4, "tied": False},
}

SENTENCES = [("a fine king and a queen", "good"), ("a dull man or woman", "bad")]


def found():
    """Return the files to run, as names and texts. Those that pages give a name are run as the page is followed."""
    shown = [
        (f"{name_of(page)}:{block.line}", completed(block.text))
        for page in PAGES
        for block in blocks(page)
        if block.language == "ini" and not block.title
    ]
    shipped = [
        (name_of(file), file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "pipelines").rglob("*.cfg"))
    ]
    return [(name, text) for name, text in shown + shipped if not name.startswith(tuple(NOT_HERE))]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with small data."""
    folder = tmp_path_factory.mktemp("small")
    rows = [(f"{text} {i}", label) for i in range(12) for text, label in SENTENCES]
    pairs = ["king queen 9.0", "man woman 8.5", "king woman 3.0", "fine dull 1.0"]
    words = sorted({word for text, _ in SENTENCES for word in text.split()})
    texts = {
        "texts.csv": ["text,label", *(f"{text},{label}" for text, label in rows)],
        "texts.jsonl": [json.dumps({"text": text, "label": label}) for text, label in rows],
        "lines.txt": [text for text, _ in rows],
        "labelled.txt": [f"__label__{label} {text}" for text, label in rows],
        "columns.txt": [
            line for i in range(24) for line in ("Ada B-PER", f"Byron{i} I-PER", "sings O", "")
        ],
        "words.conllu": [
            f"{n}\t{word}\t_\t{pos}" + "\t_" * 6 if word else ""
            for i in range(24)
            for n, (word, pos) in enumerate([(f"sing{i}", "VERB"), ("now", "ADV"), ("", "")], 1)
        ],
        "pairs.txt": ["\t".join(pair.split()) for pair in pairs],
        "analogies.txt": [": couples", "king queen man woman", "man woman king queen"],
        "sentences.tsv": [f"x\tx\tx\tx\t{i}\t{rows[i][0]}\t{rows[-i][0]}" for i in range(5)],
        "vectors.txt": [f"{word} 0.{i} 1.0 0.5" for i, word in enumerate(words)],
        "antonyms.txt": ["king queen"],
        "synonyms.txt": ["man woman"],
        "persons.txt": ["Ada Byron1"],
        "places.txt": ["London"],
        **OWN,
        **{f"folders/{label}/{i}.txt": [text] for i, (text, label) in enumerate(rows)},
    }
    for name, lines in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    # Shipped files name lists beside them as seen from the repository.
    shutil.copytree(ROOT / "pipelines", folder / "pipelines")
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("king", np.ones(3, dtype="float32"))
    nlp.to_disk(folder / "en_core_web_md")
    for name, settings in MODELS.items():
        nlp = spacy.blank("en")
        nlp.add_pipe("seqpipe_language_model", config={"epochs": 1, **settings})
        examples = [Example.from_dict(nlp.make_doc(text), {}) for text, _ in rows]
        nlp.initialize(lambda examples=examples: examples)
        path = folder / "runs" / name / "model-best"
        path.parent.mkdir(parents=True)
        nlp.to_disk(path)
    return folder


def overrides(sections, small):
    """Return the options that have a file read small data, and train for a moment."""
    is_trained = config.what_is_made(sections) in (None, config.Makes.HEAD)
    words = [*TWO_STEPS] if is_trained else []
    if is_trained and "nlp" not in sections and "embedder" not in sections:
        # The one that's meant where a file names none.
        sections = {**sections, "embedder": {"@seqpipe_embedders": "seqpipe.FastText.v1"}}
    if sections.get("initialize", {}).get("vectors"):
        words += ["--initialize.vectors", str(small / "en_core_web_md")]
    for path, block in blocks_in(sections):
        name = next(value for key, value in block.items() if key.startswith("@"))
        settings = {key: str(small / file) for key, file in FILES.get(name, {}).items()}
        settings |= {key: value for key, value in TABLE.get(name, {}).items() if key in block}
        if str(block.get("path")) in OWN:
            settings = own_files(block, small)
        elif "pair" in block:
            settings = {"path": str(small / "first-second.csv"), **PAIRS}
        elif "tags" in block and name == "seqpipe.AlignedLines.v1":
            settings["tags"] = json.dumps({tag: str(small / "seq.out") for tag in block["tags"]})
        for key, value in {**settings, **CHEAP.get(name, {})}.items():
            words += [f"--{path}.{key}", str(value)]
    return words


def own_files(block, small):
    """Return the settings of a reader that name files of a page's own."""
    found = {key: str(small / value) for key, value in block.items() if str(value) in OWN}
    if "tags" in block:
        tags = {name: str(small / file) for name, file in block["tags"].items()}
        found["tags"] = json.dumps(tags)
    return found


def blocks_in(node, path=()):
    """Yield each block of a file with its path."""
    if any(key.startswith("@") for key in node):
        yield ".".join(path), node
    for key, value in node.items():
        if isinstance(value, dict):
            yield from blocks_in(value, (*path, key))


@pytest.mark.parametrize(("name", "text"), found(), ids=lambda value: value[:60].split("\n")[0])
def test_file_that_is_shown_or_shipped_can_be_run(name, text, small, tmp_path, monkeypatch):
    monkeypatch.chdir(small)
    file = tmp_path / "pipeline.cfg"
    file.write_text(text, encoding="utf-8")
    result = run(
        file, overrides=overrides(config.read(file).sections, small), output=tmp_path / "out"
    )
    assert result.model.name == "model-best" and (tmp_path / "out" / "report.json").exists()


def test_files_are_found():
    names = [name for name, _ in found()]
    assert {name.split(":")[0] for name in names} >= {
        *("README.md", "docs/spacy.md", "docs/pipeline-file.md", "docs/embeddings.md"),
        "pipelines/bbc-news/pipeline.cfg",
    }
    every = [name_of(page) for page in PAGES]
    every += [name_of(file) for file in (ROOT / "pipelines").rglob("*.cfg")]
    for start in NOT_HERE:
        assert any(name.startswith(start) for name in every), f"{start} is gone"
