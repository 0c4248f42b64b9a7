"""Where ragged sequences stand."""

import torch

from seqpipe.kernels import Layout


def test_table_of_a_single_sequence_is_the_processors_whatever_the_default_device_is():
    with torch.device("meta"):
        Layout(torch.tensor([17], device="cpu"), False)
    assert Layout(torch.tensor([17]), False).table.tolist() == [[0], [17], [0]]


def test_lengths_may_change_behind_a_layout():
    for given in ([3], [1, 4, 0]):
        lengths = torch.tensor(given)
        layout = Layout(lengths, True)
        lengths.fill_(99)
        assert layout.lengths.tolist() == given and layout.rows == sum(given)


def test_the_longest_sequence_stands_first():
    layout = Layout(torch.tensor([2, 0, 5, 2]), False)
    assert layout.table.tolist() == [[2, 0, 7, 2], [5, 2, 2, 0], [2, 0, 3, 1]]
    assert layout.present.tolist() == [0, 2, 3]
    assert (layout.first_rows.tolist(), layout.last_rows.tolist()) == ([0, 2, 7], [1, 6, 8])
