"""How passes are divided among the blocks of a GPU."""

import pytest
import torch

from seqpipe.kernels.triton import _engine
from seqpipe.kernels.triton._engine import Limits, choose_config

LSTM, GRU = 4, 3
NO_LIMITS = Limits()


@pytest.fixture
def choose(monkeypatch):
    """Choose a configuration as on a GPU of 132 processors with 227 KiB of shared memory each."""
    monkeypatch.setattr(_engine, "_processors", lambda device: 132)
    monkeypatch.setattr(_engine, "_available_memory", lambda device: 219 * 1024)
    choose_config.cache_clear()

    def choose(products, width, sequences, dtype=torch.bfloat16, limits=NO_LIMITS):
        groups = -(-sequences // limits.sequences)
        return choose_config(products, width, groups, dtype, torch.device("cpu"), limits)

    yield choose
    choose_config.cache_clear()


@pytest.mark.parametrize("sequences", [1, 64, 100_000])
def test_small_weights_stay_in_one_block(choose, sequences):
    config = choose(LSTM, 64, sequences)
    assert (config.mode, config.units, config.blocks) == ("whole", 64, 1)


@pytest.mark.parametrize(
    ("width", "sequences", "units"),
    [(128, 64, 16), (256, 64, 16), (512, 64, 16), (128, 512, 32), (256, 256, 32)],
)
def test_blocks_share_the_width_as_finely_as_all_can_be_there_at_once(
    choose, width, sequences, units
):
    config = choose(LSTM, width, sequences)
    assert (config.mode, config.units, config.blocks) == ("shared", units, width // units)
    assert -(-sequences // 16) <= config.groups
    assert config.depth * config.parts == width


def test_a_batch_that_is_too_large_goes_in_as_few_launches_as_can_be(choose):
    config = choose(LSTM, 512, 256)
    assert (config.mode, config.units, config.groups) == ("shared", 32, 8)


def test_a_large_batch_needs_no_waiting_where_a_block_has_room_for_all_weights(choose):
    assert choose(LSTM, 128, 4096).mode == "whole"


@pytest.mark.parametrize(
    ("width", "dtype", "mode"),
    [
        (512, torch.float32, "shared"),
        (1024, torch.bfloat16, "shared"),
        (1024, torch.float32, "stepwise"),
        (4096, torch.bfloat16, "stepwise"),
    ],
)
def test_weights_that_fit_nowhere_are_read_at_each_step(choose, width, dtype, mode):
    assert choose(LSTM, width, 16, dtype).mode == mode


def test_units_that_do_not_see_each_other_never_wait(choose):
    config = choose(0, 1000, 64)
    assert (config.mode, config.blocks) == ("whole", 16)


def test_odd_widths_are_covered(choose):
    for width in range(1, 700, 37):
        config = choose(GRU, width, 33)
        assert config.units * config.blocks >= width
        assert config.mode == "whole" or config.depth * config.parts >= width


def test_without_room_a_launch_does_one_step(choose):
    limits = Limits(whole=0, shared=0)
    assert choose(LSTM, 32, 8, limits=limits).mode == "stepwise"
