"""The benchmark of recurrent engines: what it counts, in which order it times, and that it runs."""

import json
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import recurrent
import recurrent_floor
from recurrent_cases import CELLS, Case, Shape, plan, prepare
from recurrent_floor import Floor, Peaks, Work, count_work, floor, work_of
from recurrent_peers import (
    PACKED,
    PADDED,
    PLAIN,
    SEQPIPE,
    double_reference,
    make_peers,
    torch_padded,
)
from recurrent_targets import check_targets
from recurrent_timing import (
    Effort,
    GaveUp,
    Row,
    Timing,
    difference,
    give_up_after,
    interleave,
    measure,
    turns,
)

PEAKS = Peaks({"float32": 1e9}, 1e9)


def test_work_of_a_row_by_hand():
    # Two sequences, seven steps, two gates; 3 inputs, 4 units.
    sizes = {"steps": 7, "sequences": 2, "vectors": 8, "itemsize": 4}
    matrices = {"input_weights": (8, 3), "recurrent_weights": (8, 4)}
    products = 2 * (7 * 2 * 4 * 3 + 5 * 2 * 4 * 4)
    numbers = 7 * 3 + 7 * 4 + 8 * 3 + 8 * 4 + 8
    assert count_work(**sizes, **matrices, train=False) == Work(products, 4 * numbers)
    assert count_work(**sizes, **matrices, train=True) == Work(3 * products, 3 * 4 * numbers)


def test_work_counts_sequences_as_long_as_they_are():
    ragged = prepare(Case("gru", Shape(3, 9, 2, 4), ragged=True))
    steps = int(ragged.lengths.sum())
    assert steps < 27
    assert work_of(ragged).operations == 3 * 2 * 12 * (steps * 2 + (steps - 3) * 4)


def test_floor_is_the_larger_of_arithmetic_and_memory():
    work = Work(operations=600, moved=100)
    peaks = Peaks({"float32": 200.0, "float16": 1200.0}, 100.0)
    assert floor(work, peaks, "float32") == Floor(arithmetic=3.0, memory=1.0)
    assert floor(work, peaks, "float32").seconds == 3.0
    assert floor(work, peaks, "float16").seconds == 1.0


def test_floors_go_by_the_best_that_the_machine_has_shown():
    first, second = Peaks({"float32": 2.0}, 4.0), Peaks({"float32": 4.0}, 1.0)
    best = first.or_better(second)
    assert best == Peaks({"float32": 4.0}, 4.0)
    case = Case("lstm", Shape(2, 3, 4, 5))
    assert row(case, ours=1.0).beside(best).floor == Floor(arithmetic=2.0, memory=0.5)


def test_all_take_a_turn_in_each_repeat_and_another_begins_each_time():
    assert list(turns(["a", "b", "c"], 4)) == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_interleaving_stops_when_the_time_is_up_but_not_before_three_repeats():
    now = 0.0

    def call(name):
        def run():
            nonlocal now
            now += 1.0
            called.append(name)
            return now

        return run

    called = []
    calls = {name: call(name) for name in "ab"}
    measured = interleave(calls, 50, 0.5, clock=lambda: now)
    assert "".join(called) == "abbaab"
    assert measured == {"a": [1.0, 4.0, 5.0], "b": [2.0, 3.0, 6.0]}
    called.clear()
    assert len(interleave(calls, 50, 9.5, clock=lambda: now)["a"]) == 5


def test_rows_are_training_even_and_ragged_and_inference_at_batch_1():
    shapes = [Shape(4, 5, 2, 3), Shape(8, 5, 2, 3), Shape(1, 6, 2, 3)]
    rows = [str(case) for case in plan(["gru"], shapes)]
    assert rows == [
        "gru 4x5x2x3 train even float32",
        "gru 8x5x2x3 train even float32",
        "gru 1x6x2x3 train even float32",
        "gru 4x5x2x3 train ragged float32",
        "gru 8x5x2x3 train ragged float32",
        "gru 1x5x2x3 infer even float32",
        "gru 1x6x2x3 infer even float32",
    ]


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_peers_compute_what_the_plain_loop_does(cell, ragged):
    task = prepare(Case(cell, Shape(3, 5, 4, 6), ragged=ragged))
    reference = double_reference(task)
    names = ["outputs", "inputs", *(name for name, _ in task.cell.named_parameters())]
    assert list(reference) == names
    peers = make_peers(["auto", "plain"], compile_steps=0, with_compile=False)
    for name in (SEQPIPE, PLAIN, PADDED, PACKED):
        job = peers[name](task)
        assert job.equal == (name in (SEQPIPE, PLAIN) or cell in ("rnn", "lstm", "gru"))
        if job.equal:
            assert difference(job.results(), reference) < 1e-5, name


@pytest.mark.parametrize("ragged", [False, True])
def test_torchrecurrent_computes_what_the_plain_loop_does(ragged):
    pytest.importorskip("torchrecurrent")
    task = prepare(Case("peephole", Shape(3, 5, 4, 6), ragged=ragged))
    peer = make_peers([], compile_steps=0, with_compile=False)["torchrecurrent"]
    assert difference(peer(task).results(), double_reference(task)) < 1e-5


def test_a_peer_with_wrong_results_isnt_timed():
    def wrong(task):
        job = torch_padded(task)
        return replace(job, forward=lambda: 1.01 * job.forward())

    def broken(task):
        raise RuntimeError("no such kernel\nand more")

    peers = {"right": torch_padded, "wrong": wrong, "broken": broken}
    row = measure(Case("lstm", Shape(2, 3, 4, 5)), peers, PEAKS, Effort(3, 0.0))
    assert list(row.timings) == ["right"]
    assert row.skipped["wrong"].startswith("wrong results: off by ")
    assert row.skipped["broken"] == "RuntimeError: no such kernel and more"


def test_results_that_are_missing_are_named():
    with pytest.raises(ValueError, match="no results for bias"):
        difference({"outputs": torch.ones(2)}, {"outputs": torch.ones(2), "bias": torch.ones(2)})


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals with a timer")
def test_a_first_call_can_be_given_up():
    with pytest.raises(GaveUp, match=r"gave up after 0.05 s"), give_up_after(0.05):
        time.sleep(5)


def row(case, **seconds):
    names = {"ours": SEQPIPE, "plain": PLAIN, "padded": PADDED, "packed": PACKED}
    timings = {names[name]: Timing([time], time, None) for name, time in seconds.items()}
    return Row(case, Work(8, 2), Floor(1.0, 1.0), timings, {})


def verdicts(*rows):
    return {(v.target, v.case.dtype): (v.figure, v.limit, v.word) for v in check_targets(rows)}


def test_targets_on_a_cpu():
    shape = Shape(2, 3, 4, 5)
    found = verdicts(row(Case("coupled", shape), ours=2.0, plain=4.0, padded=2.0, packed=8.0))
    assert found == {
        ("LSTMs, beside nn.LSTM", "float32"): (1.0, 1.1, "met"),
        ("all cells, beside the plain loop", "float32"): (0.5, 0.45, "missed"),
    }
    found = verdicts(row(Case("lstm", shape, mode="infer"), padded=2.0))
    assert list(found.values()) == [(None, 1.0, "not measured")]
    assert not verdicts(row(Case("unseen", shape, mode="infer"), ours=1.0, padded=2.0))


@pytest.mark.parametrize("width, limit", [(128, 1.0), (256, 0.5)])
def test_targets_on_a_gpu(width, limit):
    case = Case("lstm", Shape(64, 256, width, width), dtype="bfloat16", device="cuda")
    slow = row(case, ours=1.0, plain=50.0, padded=4.0)
    fast = row(replace(case, dtype="float16"), ours=1.0, plain=50.0, padded=1.6)
    found = verdicts(slow, fast)
    assert found["LSTMs in bfloat16, beside cuDNN's LSTM in bfloat16", "bfloat16"][0] == 0.25
    fastest = "LSTMs in bfloat16, beside cuDNN's LSTM in its fastest number format"
    assert found[fastest, "bfloat16"][:2] == (1 / 1.6, limit)
    assert found["all cells, beside the plain loop", "float16"] == (0.02, 0.05, "met")
    ragged = row(replace(case, ragged=True), ours=1.0, packed=4.0)
    (found,) = [verdict for verdict in check_targets([ragged]) if verdict.figure]
    assert (found.figure, found.limit, found.word) == (0.25, 0.2, "missed")


@pytest.fixture
def same_arithmetic():
    """Put back what the benchmark sets for the whole process."""
    rnn, matmul = torch.backends.cudnn.rnn, torch.backends.cuda.matmul
    compiler = torch.compiler.config
    before = torch.get_num_threads(), rnn.fp32_precision, matmul.fp32_precision
    caches = compiler.force_disable_caches
    yield
    compiler.force_disable_caches = caches
    torch.set_num_threads(before[0])
    rnn.fp32_precision, matmul.fp32_precision = before[1:]


@pytest.mark.usefixtures("same_arithmetic")
def test_it_runs_and_writes_what_it_promises(tmp_path, capsys, monkeypatch):
    # Peaks are measured again after each row, which takes longer than these rows do.
    monkeypatch.setitem(recurrent_floor._ROWS_OF_PRODUCT, "cpu", 64)
    monkeypatch.setitem(recurrent_floor._NUMBERS_OF_COPY, "cpu", 1 << 10)
    file, page = tmp_path / "out.json", tmp_path / "out.md"
    options = "--quick --device cpu --threads 1 --shapes 2x4x3x5 --cells lstm unseen --seconds 0.05"
    arguments = [*options.split(), "--json", str(file), "--markdown", str(page)]
    assert recurrent.main(arguments) == 0
    result = json.loads(file.read_text(encoding="utf-8"))
    assert set(result) == {
        *("date", "machine", "versions", "threads", "command", "options"),
        *("peaks", "rows", "targets"),
    }
    assert result["machine"]["processor"] and result["versions"]["torch"] and result["threads"] == 1
    assert result["options"]["shapes"] == ["2x4x3x5"]
    assert [each["row"] for each in result["rows"]] == [
        f"{cell} {rest} float32"
        for rest in ("2x4x3x5 train even", "2x4x3x5 train ragged", "1x4x3x5 infer even")
        for cell in ("lstm", "unseen")
    ]
    check_first_row(result["rows"][0])
    assert {each["verdict"] for each in result["targets"]} <= {"met", "missed"}
    shown = capsys.readouterr().out
    assert "lstm 2x4x3x5 train even float32" in shown and "Targets" in shown
    assert "| lstm 2x4x3x5 train even float32 |" in page.read_text(encoding="utf-8")


def check_first_row(found):
    assert set(found["floor"]) == {"arithmetic", "memory", "seconds"}
    peers = {each["peer"]: each for each in found["peers"]}
    assert {SEQPIPE, PLAIN, PADDED, PACKED} <= set(peers)
    for each in peers.values():
        assert each["min"] <= each["median"] and each["repeats"] == len(each["seconds"]) >= 3
        assert each["error"] < 1e-4 and each["first"] > 0
    assert set(found["skipped"]) >= {"torchrecurrent"}


@pytest.mark.parametrize("options", [["--shapes", "3x4"], ["--threads", "0"], ["--cells", "tree"]])
def test_options_that_make_no_sense_are_refused(options, capsys):
    with pytest.raises(SystemExit, match="2"):
        recurrent.main(options)
    assert options[0] in capsys.readouterr().err
