"""Random edits of a valid file: a small share of what ``python tests/config/edits.py`` does."""

import random

import pytest
from edits import answer, edited


@pytest.mark.parametrize("seed", range(30))
def test_random_edits_give_a_valid_file_or_an_error_with_a_place(tmp_path, good, seed):
    path = tmp_path / "pipeline.cfg"
    for number in range(10):
        path.write_bytes(edited(good, random.Random(f"{seed} {number}")))
        assert answer(path)
