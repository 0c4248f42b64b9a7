"""The benchmark of ingredients: its pipeline files can be used, and its page has what was measured."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import ablation
from made_up_texts import made_up_parts
from trainings import Results

from seqpipe.config import compile_read, read_text

DATA = '[data]\n@readers = "seqpipe.Jsonl.v1"\npath = "texts"\n\n'


@pytest.mark.parametrize("name", ablation.variants())
def test_each_model_is_a_pipeline_file(name):
    compile_read(read_text(DATA + ablation.pipeline(ablation.variants()[name])))


def test_each_ingredient_is_added_and_taken_away():
    models = ablation.variants()
    for name in ablation.INGREDIENTS:
        assert models[f"bare + {name}"] == [name]
        assert {*models["full"]} - {*models[f"full - {name}"]} == {name}


def test_train_part_is_cut_and_the_others_are_not():
    parts = made_up_parts(90)
    cut = ablation.cut(parts, 30)
    assert len(cut["train"]) == 30 and cut["test"] == parts["test"]
    assert ablation.cut(parts, 1000) is parts


def test_page_has_means_and_differences(tmp_path):
    results = Results(tmp_path / "ablation.json", sets={"trec": {"train": 1500}})
    for system, scores in (("bare", (0.8, 0.9)), ("bare + wide", (0.86, 0.88))):
        for seed, score in enumerate(scores):
            key = {"set": "trec", "system": system, "seed": seed}
            results.add(key, {"score": score}, threads=1)
    page = ablation.page(Results.read(results.path))
    assert "| bare | 0.8500 |  |" in page
    assert "| bare + wide | 0.8700 | +2.00 |" in page
    assert "trec 1,500" in page
