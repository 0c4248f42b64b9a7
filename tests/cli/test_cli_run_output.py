"""The two ways to show progress: a bar for terminals, and plain lines for files and pipes."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from seqpipe.cli._run_output import (
    BarReporter,
    LineReporter,
    make_reporter,
    print_results,
    sparkline,
)
from seqpipe.reporting import Progress

PROGRESS = Progress(fraction=0.25, epoch=2, loss=0.5, score=0.75, words_per_second=12345.6)


def console(*, terminal, width=80):
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)


def printed(on):
    return on.file.getvalue()


def report(on, *, quiet=False):
    """Report a run of two stages on a console."""
    with make_reporter(on, quiet=quiet) as reporter:
        reporter.stage("data")
        reporter.note("[3] texts; 2 labels")
        reporter.stage("training")
        reporter.progress(PROGRESS)
    return printed(on)


def test_terminal_gets_a_bar_and_others_get_lines():
    assert isinstance(make_reporter(console(terminal=True), quiet=False), BarReporter)
    assert isinstance(make_reporter(console(terminal=False), quiet=False), LineReporter)


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_run_prints_nothing(terminal):
    assert report(console(terminal=terminal), quiet=True) == ""


def test_lines_are_plain_and_have_every_figure():
    lines = report(console(terminal=False)).splitlines()
    assert lines[0] == "  [3] texts; 2 labels"
    assert lines[1].split() == ["data", "0.0", "s"]
    for figure in ("training", "25%", "epoch 2", "0.5000", "0.7500", "12,346 words/s"):
        assert figure in lines[2]
    assert lines[3].split() == ["training", "0.0", "s"]


def test_line_is_never_broken():
    on = console(terminal=False, width=20)
    assert len(report(on).splitlines()) == 4


def test_line_is_printed_for_a_new_score_only():
    on = console(terminal=False)
    with make_reporter(on, quiet=False) as reporter:
        reporter.stage("training")
        for fraction in (0.1, 0.2, 0.3):
            reporter.progress(Progress(fraction=fraction, score=0.5))
        reporter.progress(Progress(fraction=0.4, score=0.6))
    assert sum("%" in line for line in printed(on).splitlines()) == 2


def test_bar_shows_every_figure_on_80_columns():
    on = console(terminal=True)
    with make_reporter(on, quiet=False) as reporter:
        reporter.stage("training")
        reporter.progress(PROGRESS)
        reporter._bar.refresh()
    shown = next(line for line in reversed(printed(on).split("\r")) if "epoch" in line)
    for figure in ("training", "━", "epoch 2", "0.5000", "0.7500", "12,346 words/s"):
        assert figure in shown
    assert len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).strip()) <= 80


def test_failed_stage_is_not_reported_as_done():
    for terminal in (True, False):
        on = console(terminal=terminal)
        with pytest.raises(KeyboardInterrupt), make_reporter(on, quiet=False) as reporter:
            reporter.stage("data")
            raise KeyboardInterrupt
        assert "data       0.0 s\n" not in printed(on)


def test_long_stage_shows_minutes_left(monkeypatch):
    on = console(terminal=False)
    now = 0.0
    monkeypatch.setattr("seqpipe.cli._run_output.time.monotonic", lambda: now)
    with make_reporter(on, quiet=False) as reporter:
        reporter.stage("training")
        reporter.progress(Progress(fraction=0.0))
        now = 60.0
        reporter.progress(Progress(fraction=0.25))
    assert "3:00 min left" in printed(on)
    assert printed(on).splitlines()[-1].split() == ["training", "1:00", "min"]


#: A stage that tokenizes for 50 s, and then fits at a steady speed for 10 s: seconds, and the part that's done.
FIT = [(50.0, 0.0), (51.0, 0.1), (55.0, 0.5), (59.0, 0.9)]


@pytest.mark.parametrize("terminal", [True, False])
def test_time_left_counts_from_the_first_progress(terminal, monkeypatch):
    on = console(terminal=terminal, width=120)
    clock, lefts = [0.0], []
    monkeypatch.setattr("seqpipe.cli._run_output.time.monotonic", lambda: clock[-1])
    monkeypatch.setattr("seqpipe.cli._run_output._SECONDS_BETWEEN_LINES", 0.0)
    with make_reporter(on, quiet=False) as reporter:
        reporter.stage("embedder")
        for now, fraction in FIT:
            clock.append(now)
            on.file.seek(on.file.truncate(0))
            reporter.progress(Progress(fraction=fraction))
            if terminal:
                reporter._bar.refresh()
            lefts += re.findall(r"(\S+) s left", printed(on))[-1:]
    assert lefts == ["9.0", "5.0", "1.0"]


@pytest.mark.parametrize("terminal", [True, False])
def test_note_stays_on_its_line_and_steers_no_terminal(terminal):
    on = console(terminal=terminal)
    with make_reporter(on, quiet=False) as reporter:
        reporter.note("skipped a\nb.csv: \x1b[2J\u202e")
    assert r"skipped a\nb.csv: \x1b[2J\u202e" in printed(on)


def results(**report):
    on = console(terminal=False)
    print_results(
        on, {"timings": {"total": 12.3}, "words_per_second": None, **report}, Path("model")
    )
    return printed(on).splitlines()


def test_speed_that_is_not_known_is_left_out():
    assert results(test={})[0] == "12 s in all"
    assert results(test={}, words_per_second=1234)[0] == "12 s in all, 1,234 words/s in training"
    assert results(words_per_second=1234)[0] == "12 s in all, 1,234 words/s in fitting"


def test_run_without_a_test_part_ends_with_its_score_on_the_dev_part():
    assert results(test={}, dev={"score": 0.75})[0] == "dev score 0.7500"
    assert results(test={}, dev={})[0] == "12 s in all"
    tested = results(test={"spacy": {"cats_score": 0.5}}, dev={"score": 0.75})
    assert tested[:2] == ["test cats_score 0.5000", "12 s in all"]


def test_figures_of_a_task_are_shown_without_spacys_own():
    test = {"accuracy": 0.9, "mean": {"mae": 0.1}, "spacy": {"token_acc": 1.0, "task_score": 0.9}}
    assert results(test=test)[:2] == ["test accuracy 0.9000", "12 s in all"]


def test_labels_of_words_are_a_table_of_the_most_frequent():
    labels = {
        f"label {n:02}": {"precision": 0.5, "recall": 0.25, "f": 1 / 3, "count": n}
        for n in range(1, 43)
    }
    lines = results(test={"f": 0.3, "labels": labels, "spacy": {}})
    assert lines[0].split() == ["label", "precision", "recall", "F", "count"]
    assert lines[1].split() == ["label", "03", "0.500", "0.250", "0.333", "3"]
    assert lines[40].split()[1] == "42"
    assert lines[41].strip() == "and 2 rarer ones: see report.json"
    assert lines[42] == "test f 0.3000"


def test_huge_numbers_are_short():
    figures = {"perplexity": 2.0**1023, "bits_per_character": 4e8}
    lines = results(dev=figures, sample="a", units_per_second=None)
    assert lines[0] == "dev perplexity 8.988e+307, 4e+08 bits per character"
    on = console(terminal=False)
    with make_reporter(on, quiet=False) as reporter:
        reporter.progress(Progress(fraction=0.5, loss=1e30, score=2.0**1023))
    assert "loss 1e+30  dev 8.988e+307" in printed(on)


def test_curve_goes_from_the_least_to_the_greatest_value():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([0.9, 0.1, 0.5]) == "█▁▅"
    assert sparkline([2.0, 2.0]) == "▄▄"
    assert sparkline([-1.7e308, 1.7e308]) == "▁█"
    assert sparkline([0.0, 5e-324]) == "▄▄"


def test_long_curve_is_averaged():
    curve = sparkline([n // 10 for n in range(800)])
    assert len(curve) == 40
    assert (curve[0], curve[-1]) == ("▁", "█") and list(curve) == sorted(curve)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_curve_keeps_to_the_encoding(encoding):
    curve = sparkline([0, 7, 3], encoding=encoding)
    assert curve == "_#~"
    assert sparkline([0, 7, 3], encoding="utf-16") == "▁█▄"


def history(*scores, key="score"):
    return [
        {"epoch": n, "loss": 1 / (n + 1), key: score, "is_best": score == max(scores)}
        for n, score in enumerate(scores)
    ]


def test_curves_of_the_training_are_printed_first():
    lines = results(test={}, history=history(0.5, 0.9, 0.8))
    assert lines[0] == "loss       █▃▁  1.0000 → 0.3333"
    assert lines[1] == "dev score  ▁█▆  0.5000 → 0.8000, best 0.9000 in epoch 1"
    lines = results(
        sample="a", units_per_second=None, history=history(90.0, 80.5, key="perplexity")
    )
    assert lines[1].startswith("dev perplexity  █▁  90.0000 → 80.5000")


def test_curve_of_one_evaluation_or_of_none_is_left_out():
    assert results(test={}, history=history(0.5)) == results(test={}, history=[])
    empty = [{"epoch": n, "loss": None, "score": float("nan"), "is_best": False} for n in (0, 1)]
    assert results(test={}, history=empty)[0] == "12 s in all"


def test_curves_are_ascii_where_the_stream_is():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    on = Console(file=stream, force_terminal=False, width=80)
    print_results(
        on,
        {"timings": {"total": 1}, "words_per_second": None, "history": history(0.5, 0.9)},
        Path("model"),
    )
    stream.flush()
    assert b"dev score  _#  0.5000 -> 0.9000, best 0.9000 in epoch 1" in stream.buffer.getvalue()
