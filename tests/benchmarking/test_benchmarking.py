"""Speed, latency, memory and size of pipelines, in processes of their own."""

import math
import os
import signal
import statistics
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from benchmarking.in_process import InProcess

from seqpipe import Predictor
from seqpipe.benchmarking import _benchmark, benchmark
from seqpipe.benchmarking._process import Failure, Process, _Measuring
from seqpipe.benchmarking._statistics import mean_of, percentile, ratio_of
from seqpipe.benchmarking._texts import draw_records
from seqpipe.errors import ConfigError, DataError, EmbedderError, ReplacedError, SavedModelError

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")
TEXTS = ["the gull near the reef", "an owl of Oak", "tidewater undermoss"] * 12


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return a pipeline of spaCy's alone."""
    folder = tmp_path_factory.mktemp("plain") / "model"
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CITY", "pattern": "Paris"}])
    nlp.to_disk(folder)
    return str(folder)


@pytest.fixture(scope="module")
def found(plain):
    """Return what's measured of a model of ours beside one of spaCy's."""
    said = []
    records = [*TEXTS, "", {"text": "wave"}]
    measured = benchmark(
        MODEL,
        records,
        against=plain,
        repeats=3,
        threads=1,
        on_progress=lambda *now: said.append(now),
    )
    return measured, said


def test_each_model_is_measured_in_each_repeat(found):
    for each in found[0].measured:
        assert len(each.speeds) == 3 and min(each.speeds) > 0
        assert {batch: len(times) for batch, times in each.latencies.items()} == {1: 111, 32: 3}
        assert each.load_seconds > 0
    assert found[0].measured[0].model == MODEL


def test_interval_and_percentiles_are_those_of_what_was_measured(found):
    one, other = found[0].measured
    speed = one.words_per_second
    assert speed.low < speed.value < speed.high
    assert speed.value == pytest.approx(statistics.fmean(one.speeds))
    ordered = one.percentiles(1)
    assert min(one.latencies[1]) <= ordered[50] <= ordered[90] <= ordered[99]
    ratio = found[0].ratio
    assert ratio.low < ratio.value < ratio.high
    expected = statistics.geometric_mean(one.speeds) / statistics.geometric_mean(other.speeds)
    assert ratio.value == pytest.approx(expected)


def test_size_and_memory_are_those_of_the_model_and_its_process(found, plain):
    ours, theirs = found[0].measured
    for each, folder in ((ours, MODEL), (theirs, plain)):
        sizes = [file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()]
        assert each.size == sum(sizes)
        if each.peak_memory is not None:
            assert each.peak_memory >= each.memory_before > 10_000_000


def test_texts_that_cannot_be_used_are_left_out_and_told(found):
    assert found[0].texts == len(TEXTS) + 1 and not found[0].is_drawn
    assert found[0].unusable == ["its text is empty, or only white space"]
    assert found[0].words == sum(len(text.split()) for text in TEXTS) + 1


def test_progress_goes_from_loading_to_the_last_repeat(found):
    said = found[1]
    assert said[0] == (f"loading {MODEL}", 0.0)
    assert [share for what, share in said if what == "measuring"] == [0, 1 / 3, 2 / 3]


def test_drawn_texts_are_of_known_words_the_frequent_ones_most():
    predictor = Predictor(MODEL)
    records = draw_records(predictor)
    words = [word for record in records for word in record.split()]
    known = list(predictor.nlp.vocab.vectors.embedder.vocabulary)
    assert len(records) == 256 and len(words) == 25_600 and set(words) <= set(known)
    known = [word for word in known if word.isalpha()]
    # Zipf's law: the second word is half as frequent as the first.
    assert words.count(known[0]) / words.count(known[1]) == pytest.approx(2, rel=0.1)
    assert records == draw_records(predictor)


def test_pipeline_without_words_has_no_texts_drawn(tmp_path):
    nlp = spacy.blank("xx")
    nlp.vocab.strings._reset_and_load(["1", "2"])
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "model")
    predictor = Predictor(str(tmp_path / "model"))
    predictor.nlp.vocab.strings._reset_and_load([])
    with pytest.raises(DataError, match="knows no words"):
        draw_records(predictor)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no texts to measure with"),
        (["", " "], "none of 2 texts can be measured with: its text is empty"),
    ],
)
def test_texts_that_are_all_useless_are_refused(records, message, monkeypatch):
    monkeypatch.setattr(_benchmark, "Process", InProcess)
    with pytest.raises(DataError, match=message):
        benchmark(MODEL, records, repeats=2)


def test_texts_without_words_are_refused(monkeypatch):
    monkeypatch.setattr(_benchmark, "Process", InProcess)
    monkeypatch.setattr(_Measuring, "throughput", lambda self: (0.01, 0))
    with pytest.raises(DataError, match=r"text-classifier.* finds no words in 36 texts"):
        benchmark(MODEL, TEXTS, repeats=2)


def test_batches_larger_than_the_texts_are_not_measured(monkeypatch):
    monkeypatch.setattr(_benchmark, "Process", InProcess)
    found = benchmark(MODEL, TEXTS[:5], repeats=2)
    assert list(found.measured[0].latencies) == [1]
    assert list(found.to_json()["models"][0]["latency_seconds"]) == ["1"]


def test_errors_of_a_process_are_told_for_what_they_are():
    with Process({"model": "nowhere"}) as process:
        with pytest.raises(SavedModelError, match="nowhere is neither a folder nor"):
            process.ask("load")
        with pytest.raises(
            SavedModelError, match=r"measuring .*nowhere.* failed: AttributeError: "
        ):
            process.ask("nonsense")
        os.kill(process._process.pid, signal.SIGTERM)
        with pytest.raises(SavedModelError, match="ended with the exit status -15"):
            process.ask("load")


def test_killed_process_is_said_to_have_lacked_memory():
    process = Process.__new__(Process)
    process._process = SimpleNamespace(exitcode=-9, join=lambda seconds: None)
    assert process._ended() == "was killed, as the system does when memory runs out"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DataError("one"), DataError),
        (ConfigError("one", setting="two"), ConfigError),
        (EmbedderError("one"), EmbedderError),
        (ReplacedError(Path("one")), SavedModelError),
    ],
)
def test_errors_keep_their_class_and_message_on_their_way(error, kind):
    found = Failure.of(error).error("model")
    assert type(found) is kind and str(found) == str(error)


def test_unexpected_error_names_its_class():
    found = Failure.of(MemoryError("40 GiB")).error("small")
    assert str(found).endswith("failed: MemoryError: 40 GiB") and "small" in str(found)


def test_too_few_repeats_are_refused():
    with pytest.raises(ConfigError, match="`repeats` is 1"):
        benchmark(MODEL, TEXTS, repeats=1)


def test_interval_of_a_mean_is_that_of_students_t():
    # As R has it: t.test(c(9, 10, 11, 14))$conf.int
    found = mean_of([9, 10, 11, 14])
    assert found.value == 11
    assert (found.low, found.high) == pytest.approx((7.563, 14.437), abs=2e-3)


def test_ratio_of_what_differs_by_a_factor_has_no_width():
    found = ratio_of([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert found == pytest.approx((2, 2, 2))
    both = ratio_of([1.0, 4.0], [2.0, 2.0])
    assert both.value == pytest.approx(1) and both.low * both.high == pytest.approx(1)
    assert math.isfinite(both.high)


def test_percentile_is_a_value_that_was_measured():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, p) for p in (1, 50, 90, 99, 100)] == [1, 3, 5, 5, 5]
    assert percentile(values, 40) == 2
