"""The settings that stand at the beginning of a fastText file."""

import warnings
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from seqpipe.formats._open import Bytes

Loss: TypeAlias = Literal["hs", "ns", "softmax", "ova"]
Kind: TypeAlias = Literal["cbow", "skipgram", "supervised"]

MAGIC: Final = 793712314

#: Numbered from 1 in a file.
LOSSES: Final[tuple[Loss, ...]] = ("hs", "ns", "softmax", "ova")
KINDS: Final[tuple[Kind, ...]] = ("cbow", "skipgram", "supervised")

#: In their order in a file: the name here, and the library's.
FIELDS: Final = (
    ("width", "dim"),
    ("window", "ws"),
    ("epochs", "epoch"),
    ("min_count", "minCount"),
    ("negatives", "neg"),
    ("word_ngrams", "wordNgrams"),
    ("loss", "loss"),
    ("kind", "model"),
    ("buckets", "bucket"),
    ("min_n", "minn"),
    ("max_n", "maxn"),
    ("update_rate", "lrUpdateRate"),
)

#: The versions whose layout is known. 0 stands for files from before there were versions.
_VERSIONS: Final = (11, 12)

#: N-grams longer than this are nobody's, and would take time with the square of a word's length.
_MAX_NGRAM: Final = 100

#: The most that the library writes as an int.
_MAX_INT: Final = 2**31 - 1


@dataclass(frozen=True)
class FastTextArgs:
    """What the library keeps of the settings of a training.

    Attributes:
        width: The width of a vector.
        kind: What was trained.
        loss: By which loss.
        min_n: The fewest characters of a sub-word, the marks of the word's ends included.
        max_n: The most; 0 means no sub-words.
        buckets: The number of rows that sub-words and n-grams of words share.
        word_ngrams: The most words of an n-gram of words; 1 means no such n-grams.
        window: The most words to either side that were a word's context.
        epochs: How often the texts were gone through.
        min_count: How often a word had to occur.
        negatives: How many random words each prediction was contrasted with.
        update_rate: After how many words the learning rate was set anew.
        subsample: The share of all words above which a word was skipped at random.
        version: The version of the file's format: 12, 11, or 0 for those from before there were versions.
    """

    width: int
    kind: Kind = "skipgram"
    loss: Loss = "ns"
    min_n: int = 0
    max_n: int = 0
    buckets: int = 0
    word_ngrams: int = 1
    window: int = 5
    epochs: int = 5
    min_count: int = 1
    negatives: int = 5
    update_rate: int = 100
    subsample: float = 1e-4
    version: int = 12

    @property
    def hashes(self) -> bool:
        """Whether there are sub-words or n-grams of words, which share rows."""
        return self.max_n > 0 or (self.kind == "supervised" and self.word_ngrams > 1)


def read_args(source: Bytes) -> FastTextArgs:
    """Take the settings from the beginning of a file.

    Raises:
        SavedModelError: It's no fastText file, one of an unknown version, or damaged.
    """
    version = _read_version(source)
    places: dict[str, int] = {}
    values: dict[str, int] = {}
    for name, theirs in FIELDS:
        places[name] = source.offset
        values[name] = source.scalar("<i4", f"`{theirs}`")
    subsample = source.scalar("<f8", "`t`")
    _refuse_floret(source, subsample)
    for name, theirs in FIELDS:
        if problem := _problem(name, values):
            problem = f"is {values[name]}, and {problem}"
            raise source.refusal(f"`{theirs}`", problem, offset=places[name])
    args = _args(values, subsample, version)
    if args.hashes and not args.buckets:
        problem = "is 0, but there are sub-words or n-grams of words"
        raise source.refusal("`bucket`", problem, offset=places["buckets"])
    if _has_unused_rows(args):
        warnings.warn(
            f"the model has {args.buckets} rows for sub-words, and by its `maxn`, 0, no sub-words: words have their own "
            "vectors, and unknown ones none; if it was trained with sub-words, the file is damaged",
            stacklevel=2,
        )
    return args


def _has_unused_rows(args: FastTextArgs) -> bool:
    """Return whether a model of words has rows for sub-words, and no sub-words.

    In a classifier such rows are harmless: the search for its settings leaves them where it gives up n-grams.
    """
    return args.kind != "supervised" and args.buckets > 0 and not args.hashes


def _is_early_supervised(kind: Kind, version: int) -> bool:
    return kind == "supervised" and version <= 11


def _read_version(source: Bytes) -> int:
    if source.scalar("<i4", "the beginning") != MAGIC:
        source.offset = 0
        return 0
    version: int = source.scalar("<i4", "the version")
    if version not in _VERSIONS:
        raise source.refusal("the version", f"is {version}, and can be 11 or 12", offset=4)
    return version


def _refuse_floret(source: Bytes, subsample: float) -> None:
    # floret has two more numbers before the last two, so that a small integer is read as part of a float.
    if 0 < abs(subsample) < 1e-300:
        raise source.refusal(
            "`t`",
            f"is {subsample:g}: it may be a model of floret, which has settings of its own there; "
            "read the vectors that its `save_floret_vectors` writes",
            offset=source.offset - 8,
        )


def _problem(name: str, values: dict[str, int]) -> str | None:
    least, most = {
        "width": (1, _MAX_INT),
        "loss": (1, len(LOSSES)),
        "kind": (1, len(KINDS)),
        "buckets": (0, _MAX_INT),
        "min_n": (0, _MAX_NGRAM),
        "max_n": (0, _MAX_NGRAM),
        "word_ngrams": (0, _MAX_NGRAM),
    }.get(name, (-_MAX_INT - 1, _MAX_INT))
    if not least <= values[name] <= most:
        return f"must lie between {least} and {most}"
    return None


def _args(values: dict[str, int], subsample: float, version: int) -> FastTextArgs:
    known = {name: number for name, number in values.items() if name not in ("kind", "loss")}
    kind = KINDS[values["kind"] - 1]
    # As the library does: supervised models had no sub-words then, whatever the settings say.
    if _is_early_supervised(kind, version):
        known["max_n"] = 0
    return FastTextArgs(
        kind=kind, loss=LOSSES[values["loss"] - 1], subsample=subsample, version=version, **known
    )
