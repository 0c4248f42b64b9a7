"""How time that grows too fast is distinguished from noise, on a clock that tests set."""

import pytest

from seqpipe.testing import _tokenizers
from seqpipe.testing._check import BrokenError
from seqpipe.testing._tokenizers import Growth, measure

LETTERS = Growth("letters", "abc")


@pytest.fixture
def clock(monkeypatch):
    """Return a list with the time, which tokenizers of these tests move on."""
    now = [0.0]
    monkeypatch.setattr(_tokenizers.time, "process_time", lambda: now[0])
    return now


def takes(clock, seconds):
    def tokenize(text):
        clock[0] += seconds(len(text))

    return tokenize


def test_text_has_the_size_asked_for():
    assert LETTERS.text(7) == "abcabca"
    assert LETTERS.text(0) == ""


@pytest.mark.parametrize(
    "seconds",
    [
        lambda n: 1e-6 * n,
        lambda n: 0.05 + 1e-6 * n,
        lambda n: 1e-6 * n * n.bit_length(),
        lambda n: 1e-5 * min(n, 100) * n / 100,
    ],
    ids=["linear", "with a start", "n log n", "up to a plateau"],
)
def test_linear_time_is_good(clock, seconds):
    assert measure(takes(clock, seconds), LETTERS) > 0


@pytest.mark.parametrize(
    "seconds",
    [lambda n: 1e-7 * n**2, lambda n: 1e-6 * n + 1e-9 * n**2, lambda n: 1e-9 * 2**n],
    ids=["quadratic", "quadratic later", "exponential"],
)
def test_worse_is_reported_with_the_text_that_shows_it(clock, seconds):
    with pytest.raises(BrokenError, match=r"letters: [\d,]+ characters take .* times as long per"):
        measure(takes(clock, seconds), LETTERS)


def test_exponential_time_is_found_before_it_takes_long(clock):
    with pytest.raises(BrokenError):
        measure(takes(clock, lambda n: 1e-7 * 2**n), LETTERS)
    assert clock[0] < 60


def test_single_slow_call_is_tried_again(clock):
    slow = {4096: 2}

    def seconds(size):
        slow[size] = slow.get(size, 0) - 1
        return 10.0 if slow[size] >= 0 else 1e-6 * size

    assert measure(takes(clock, seconds), LETTERS) == pytest.approx(1e6)


def test_rate_is_that_of_the_longest_text(clock):
    assert measure(takes(clock, lambda n: n / 2e6), LETTERS) == pytest.approx(2e6)
