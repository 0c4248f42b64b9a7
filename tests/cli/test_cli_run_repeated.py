"""`seqpipe run --seeds` and `--folds`: several runs, and what they come to."""

import json
import random

import pytest
import spacy

from seqpipe.run._repeated import summarise

FILE = """
[pipeline]
lang = "xx"
seed = 3

[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"

[classifier]
@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"
"""


def report(accuracy, score=0.5, **test):
    return {
        "test": {"accuracy": accuracy, **test},
        "dev": {"score": score},
        "timings": {"total": 2},
    }


def test_figures_have_their_mean_and_spread():
    classes = {"classes": {"a": {}}, "ranked": None}
    found = summarise({"3": report(0.5, **classes), "4": report(0.7, **classes)}, "seeds")
    assert found["seeds"]["4"] == {"test accuracy": 0.7, "dev score": 0.5, "seconds": 2.0}
    figure = found["figures"]["test accuracy"]
    assert figure == pytest.approx({"mean": 0.6, "min": 0.5, "max": 0.7, "deviation": 0.1 * 2**0.5})


def test_figure_that_a_seed_lacks_is_left_out_and_one_seed_has_no_spread():
    without = {"test": {}, "dev": {}, "timings": {"total": 1.0}}
    assert [*summarise({"0": report(0.5), "1": without}, "seeds")["figures"]] == ["seconds"]
    assert summarise({"0": report(0.5)}, "folds")["figures"]["dev score"]["deviation"] is None
    assert summarise({}, "seeds") == {"seeds": {}, "figures": {}}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    words = {"sea": ["wave", "tide", "gull"], "wood": ["oak", "moss", "owl"]}
    rows = [
        {"text": " ".join(draw.choices(words[label], k=5)), "label": label}
        for label in ["sea", "wood"] * 20
    ]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "pipeline.cfg").write_text(FILE)
    return tmp_path / "pipeline.cfg"


def test_each_seed_has_a_run_of_its_own(call, file, tmp_path):
    called = call("run", str(file), "--seeds", "2", "--output", "out", "--classifier.cost", "2")
    assert called.code == 0, called.err
    summary = json.loads((tmp_path / "out" / "seeds.json").read_text())
    assert [*summary["seeds"]] == ["3", "4"]
    for seed in (3, 4):
        folder = tmp_path / "out" / f"seed-{seed}"
        assert json.loads((folder / "report.json").read_text())["seed"] == seed
        assert "cost = 2" in (folder / "config.cfg").read_text()
    assert "test accuracy" in called.out and "mean" in called.out and "seed 4" in called.out
    assert "seed-*/model-best" in called.out


def test_compiled_file_has_seeds_too(call, file, tmp_path):
    (tmp_path / "all.cfg").write_text(call("compile", str(file)).out)
    called = call("run", "all.cfg", "--seeds", "2", "--output", "out", "--quiet")
    assert (called.code, called.out) == (0, ""), called.err
    assert [*json.loads((tmp_path / "out" / "seeds.json").read_text())["seeds"]] == ["3", "4"]


def test_number_of_seeds_is_checked(call, file, tmp_path):
    called = call("run", str(file), "--seeds", "0")
    assert called.code == 2 and "--seeds" in called.err
    assert not (tmp_path / "runs").exists()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def cross_validate(call, file, output, *more):
    called = call("run", str(file), "--folds", "2", "--output", str(output), *more)
    assert called.code == 0, called.err
    return called


def test_each_text_is_predicted_by_the_run_that_was_not_trained_on_it(call, file, tmp_path):
    called = cross_validate(call, file, tmp_path / "out", "--classifier.cost", "2")
    predictions = lines(tmp_path / "out" / "predictions.jsonl")
    assert sorted(each["place"] for each in predictions) == sorted(
        f"texts.jsonl:{number}" for number in range(1, 41)
    )
    rows = lines(tmp_path / "texts.jsonl")
    found = []
    for index in range(2):
        nlp = spacy.load(tmp_path / "out" / f"fold-{index}" / "model-best")
        for each in lines(tmp_path / "out" / f"fold-{index}" / "predictions.jsonl"):
            row = rows[int(each["place"].split(":")[1]) - 1]
            cats = nlp(row["text"]).cats
            assert each["truth"] == row["label"]
            assert each["prediction"] == max(cats, key=cats.get)
            assert each["score"] == pytest.approx(max(cats.values()), abs=1e-5)
            found.append(each)
    assert found == predictions
    assert (
        "fold 1" in called.out and "deviation" in called.out and "fold-*/model-best" in called.out
    )


def test_folds_have_the_parts_that_split_says(call, file, tmp_path):
    cross_validate(call, file, tmp_path / "out", "--quiet")
    summary = json.loads((tmp_path / "out" / "folds.json").read_text())
    assert [*summary["folds"]] == ["fold-0", "fold-1"]
    accuracies = [found["test accuracy"] for found in summary["folds"].values()]
    assert summary["figures"]["test accuracy"]["mean"] == pytest.approx(sum(accuracies) / 2)
    for folder in summary["folds"]:
        report = json.loads((tmp_path / "out" / folder / "report.json").read_text())
        # Of the 20 texts that aren't in the fold, a ninth.
        assert report["data"]["rows"] == {"train": 18, "dev": 2, "test": 20}


def test_run_of_a_fold_can_be_repeated_by_its_configuration(call, file, tmp_path):
    cross_validate(call, file, tmp_path / "out")
    called = call("run", str(tmp_path / "out" / "fold-1" / "config.cfg"), "--output", "again")
    assert called.code == 0, called.err
    one, again = tmp_path / "out" / "fold-1", tmp_path / "again"
    assert lines(again / "predictions.jsonl") == lines(one / "predictions.jsonl")


def test_official_test_part_stays_out_of_the_folds(call, file, tmp_path):
    text = f'{FILE}[data.test]\n@readers = "seqpipe.Jsonl.v1"\npath = "not-there.jsonl"\n'
    file.write_text(text)
    cross_validate(call, file, tmp_path / "out", "--data.split", '{"train": 0.8, "dev": 0.2}')
    assert len(lines(tmp_path / "out" / "predictions.jsonl")) == 40


def test_more_folds_than_texts_of_a_class_are_an_error_with_place(call, file, tmp_path):
    called = call("run", str(file), "--folds", "50", "--output", "out")
    assert called.code == 1 and "too few for 50 folds" in called.err
    called = call("run", str(file), "--folds", "25", "--output", "out")
    assert called.code == 1
    assert 'the class "wood" has 18' in called.err and "texts.jsonl:" in called.err
    assert "pipeline.cfg:" in called.err
    assert not (tmp_path / "out" / "folds.json").exists()


def test_class_that_a_later_run_would_lack_is_told_of_before_the_first(call, file, tmp_path):
    rows = (tmp_path / "texts.jsonl").read_text()
    rare = [json.dumps({"text": f"{n} of a kind", "label": "rare"}) for n in range(2)]
    (tmp_path / "texts.jsonl").write_text(rows + "\n".join(rare))
    called = call("run", str(file), "--folds", "2", "--output", "out")
    assert called.code == 1 and 'the class "rare" has 1 text' in called.err
    assert not (tmp_path / "out" / "fold-0" / "report.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: text.index("[classifier]")] + "[embedder]\n", "makes an embedding"),
        (
            lambda text: text[: text.index("[classifier]")] + "[head]\n[training]\nmax_epochs = -1",
            "streams",
        ),
    ],
)
def test_files_without_rows_to_cut_are_refused(call, file, change, message):
    file.write_text(change(FILE))
    called = call("run", str(file), "--folds", "3")
    assert called.code == 1 and "--folds" in called.err and message in called.err


def test_compiled_file_is_refused_for_folds(call, file, tmp_path):
    (tmp_path / "all.cfg").write_text(call("compile", str(file)).out)
    called = call("run", "all.cfg", "--folds", "3")
    assert called.code == 1 and "complete spaCy configuration" in called.err


def test_seeds_and_folds_are_not_combined(call, file, tmp_path):
    called = call("run", str(file), "--folds", "3", "--seeds", "2")
    assert called.code == 2 and "can't be combined" in called.err
    assert call("run", str(file), "--folds", "1").code == 2
    assert not (tmp_path / "runs").exists()


def test_json_has_the_folder_and_the_summary_of_all_runs(call, file):
    called = call("run", str(file), "--seeds", "2", "--output", "out", "--json")
    assert called.code == 0, called.err
    told = json.loads(called.out)
    assert told["folder"] == "out" and [*told["seeds"]] == ["3", "4"]
    assert "seed 3" in called.err


def test_json_is_what_the_report_has_and_progress_goes_to_stderr(call, file, tmp_path):
    called = call("run", str(file), "--output", "out", "--json")
    assert called.code == 0, called.err
    told = json.loads(called.out)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert told == {"folder": "out", "model": "out/model-best", **report}
    assert {"test", "dev", "timings", "warnings"} <= told.keys()
    assert "seqpipe run" in called.err and "in all" not in called.err
    quiet = call("run", str(file), "--output", "out", "--json", "--quiet")
    assert quiet.err == "" and json.loads(quiet.out)["test"] == report["test"]


def test_failed_run_prints_no_json(call, file):
    called = call("run", str(file), "--classifier.cost", '"much"', "--json")
    assert called.code == 1 and called.out == "" and "cost" in called.err
