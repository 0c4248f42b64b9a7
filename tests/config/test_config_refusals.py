"""What a part raises keeps its class when it gets a place in the file."""

import pytest

from seqpipe.config import PipelineFileError, read_text, refusal
from seqpipe.errors import DataError
from seqpipe.storage import ReplacedError


class RowError(DataError):
    """An error of a plugin's, with arguments and a text of its own."""

    def __init__(self, file, line):
        self.file, self.line = file, line
        super().__init__(f"row {line} of {file} is bad")

    def __str__(self):
        return f"row {self.line} of {self.file} is bad"


class FileError(DataError, FileNotFoundError):
    """An error of a plugin's that's one of Python's too."""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RowError("a.csv", 7), "row 7 of a.csv is bad"),
        (FileError("a.csv is missing"), "a.csv is missing"),
        (ReplacedError("model"), "model was replaced while it was read"),
    ],
)
def test_error_with_a_place_is_of_the_class_of_what_was_raised(error, says):
    file = read_text('[data]\n@readers = "acme.Rows.v1"\n', name="f.cfg")
    placed = refusal(error, file, [("data",)])
    assert isinstance(placed, PipelineFileError) and isinstance(placed, type(error))
    assert str(placed).startswith(f"error: [data] (acme.Rows.v1): {says}")
    assert str(placed).endswith("\n1 error in f.cfg")
    assert placed.setting is None
    assert all(getattr(placed, name) == value for name, value in vars(error).items())


@pytest.mark.parametrize(
    "location",
    [
        ("components", "task", "task"),
        ("corpora", "train", "task"),
        ("initialize", "before_init", "corpus", "task"),
    ],
)
def test_what_a_task_raises_is_placed_in_its_section(location):
    text = (
        '[data]\n@readers = "acme.Rows.v1"\n[task]\n@seqpipe_tasks = "acme.Counts.v1"\nunit = 3\n'
    )
    (found,) = refusal(DataError("`unit` is 3"), read_text(text), [location]).diagnostics
    assert found.place.line == 5


@pytest.mark.parametrize(
    ("pattern", "path", "line"),
    [
        ("set/*.csv", "set/a b.csv", 2),
        ("set/*.csv", "set/a.csv", 3),
        ("set/**/*.csv", "set/a.csv", 3),
        ("set/**/*.csv", "set/x/y/a.csv", 3),
        ("s?t/[ab].*", "set/b.csv", 3),
        ("data:*.csv", "data:a.csv", 3),
        ("set/*.csv", "set/x/a.csv", 2),
        ("set/*.csv", "other.csv", 2),
    ],
)
def test_file_that_a_pattern_found_is_placed_at_the_pattern(pattern, path, line):
    """Any other is placed at the section of the data."""
    text = f'[data]\n@readers = "acme.Rows.v1"\npath = "{pattern}"\n[training]\nmax_steps = 3\n'
    locations = [("training",), ("data",)]
    (found,) = refusal(DataError(f"{path}:7: it's bad"), read_text(text), locations).diagnostics
    assert found.place.line == line
