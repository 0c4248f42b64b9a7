"""The state of a training as a value."""

import json
import random

import numpy as np
import pytest
import torch
from thinc.api import fix_random_seed

from seqpipe.kernels import available_threads
from seqpipe.training import RandomState, TrainingState, computing


def draws():
    return random.random(), float(np.random.random()), float(torch.rand(()))


def test_random_state_that_is_restored_draws_the_same_again():
    state = RandomState.capture()
    first = draws()
    assert draws() != first
    state.restore()
    assert draws() == first


def test_same_seed_draws_the_same():
    with computing(1):
        fix_random_seed(5)
        first = draws()
        fix_random_seed(5)
        assert draws() == first


def test_run_leaves_generators_and_threads_as_they_were():
    before, threads = RandomState.capture(), torch.get_num_threads()
    expected = draws()
    before.restore()
    with pytest.raises(KeyError), computing(threads + 1):
        assert (torch.get_num_threads(), available_threads()) == (1, threads + 1)
        fix_random_seed(0)
        draws()
        raise KeyError
    assert torch.get_num_threads() == available_threads() == threads
    assert draws() == expected


def test_training_state_comes_back_from_json():
    state = TrainingState(step=7, epoch=2, fraction=0.25)
    assert state.add_score(0.5)
    again = TrainingState.from_dict(json.loads(json.dumps(state.to_dict())))
    assert again == state and again.best_step == 7


def test_equal_score_is_the_best_without_being_an_improvement():
    state = TrainingState(step=1)
    assert [state.add_score(score) for score in (0.5, 0.4)] == [True, False]
    state.step = 2
    assert state.add_score(0.5) and state.best_step == 1
    assert state.add_score(0.6) and state.best_step == 2
