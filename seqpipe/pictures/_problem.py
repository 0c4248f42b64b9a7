"""What's wrong with a picture."""

from seqpipe.errors import SeqpipeError


class PictureError(SeqpipeError):
    """A picture that can't be drawn: too few words, numbers that aren't finite, or a method whose package isn't there."""
