"""What a run says of the data that it reads."""

from typing import Final

from seqpipe.adapters import Corpus
from seqpipe.reporting import Reporter
from seqpipe.run._classes import unseen_labels

_SHOWN_ROWS: Final = 5


def note_data(corpora: dict[str, Corpus], reporter: Reporter) -> None:
    """Tell how many rows and labels there are, which labels can't be learnt, and which rows were skipped."""
    first = next(iter(corpora.values()), None)
    if first is None:
        return
    counts = ", ".join(f"{len(corpus.rows):,} {name}" for name, corpus in corpora.items())
    reporter.note(f"{counts}; {len(first.data.labels)} labels")
    for note in unseen_labels(corpora):
        reporter.note(note)
    skipped = first.data.skipped
    for bad in skipped[:_SHOWN_ROWS]:
        reporter.note(f"skipped {bad.source}: {bad.problem}")
    if len(skipped) > _SHOWN_ROWS:
        reporter.note(f"{len(skipped):,} rows were skipped; report.json lists them all")
