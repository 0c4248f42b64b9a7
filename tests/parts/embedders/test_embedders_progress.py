import pytest

from seqpipe.parts.embedders import FitProgress
from seqpipe.parts.fasttext import Progress

PRINTED = (
    "Progress:  12.3% words/sec/thread:   53000 lr:  0.043850 avg.loss:  2.100000 ETA:   0h 0m 7s"
)


def make(heard, *, threads=1, clock=lambda: 0.0):
    on_progress = None if heard is None else heard.append
    return Progress(
        size=1000, passes=2.5, words=80, threads=threads, on_progress=on_progress, clock=clock
    )


def test_the_librarys_line_is_read():
    heard = []
    assert make(heard, threads=2).read(PRINTED)
    assert heard == [FitProgress(pytest.approx(0.123), 2.1, 106_000.0)]


@pytest.mark.parametrize("loss", ["nan", "-nan", "inf", "?"])
def test_loss_that_is_no_number_is_left_out(loss):
    heard = []
    make(heard).read(PRINTED.replace("2.100000", loss))
    assert heard[0].loss is None


def test_offsets_are_passes_over_the_file():
    heard, times = [], iter([10.0, 11.0, 12.0, 14.0])
    progress = make(heard, clock=lambda: next(times))
    for line in ("Number of words:  2", "Offset: 500", "Offset: 1000", "Offset: 250"):
        assert progress.read(line)
    assert [each.fraction for each in heard] == pytest.approx([0, 0.2, 0.4, 0.5])
    assert [each.words_per_second for each in heard] == [None, 40, 40, 25]


def test_offsets_before_the_training_are_the_counting_of_words():
    heard = []
    progress = make(heard)
    assert progress.read("Offset: 900")
    progress.read("Number of words:  2")
    progress.read("Offset: 100")
    assert [each.fraction for each in heard] == pytest.approx([0, 0.04])


def test_it_never_goes_back_and_ends_once():
    heard = []
    progress = make(heard)
    progress.read(PRINTED)
    progress.read(PRINTED.replace("12.3", " 7.0"))
    progress.read(PRINTED.replace("12.3", "100.0").replace("2.1", "1.5"))
    progress.finish()
    assert [each.fraction for each in heard] == pytest.approx([0.123, 0.123, 1.0])
    assert heard[-1].loss == 1.5


def test_other_lines_are_not_understood():
    progress = make(None)
    assert not progress.read("ValueError: too wide")
    assert progress.read("Read 0M words")
    assert progress.read("Number of labels: 0")


def test_nobody_need_listen():
    progress = make(None)
    assert progress.read(PRINTED)
    progress.finish()
