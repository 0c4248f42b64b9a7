"""How a pipeline is shrunk."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.errors import ConfigError
from seqpipe.messages import one_of, plural

#: What vectors and weights can be stored as.
DTYPES: Final = ("float32", "float16", "int8")
_UNITS: Final[Mapping[str, int]] = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}


@dataclass(frozen=True)
class Settings:
    """How a pipeline is shrunk.

    Attributes:
        dtype: What vectors and weights are stored as; "float32" leaves them as they are.
        quantize: Whether tables of word vectors are product-quantised.
        vocabulary: How many words the embedder keeps, the most frequent ones; None for all.
        subwords: How many vectors of parts of words it keeps; None for the same share as of the words.

    Raises:
        ConfigError: A setting has a value that can't be used, or they leave nothing to do.
    """

    dtype: str = "float16"
    quantize: bool = False
    vocabulary: int | None = None
    subwords: int | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ConfigError(
                f"`dtype` is {self.dtype!r}; it should be {one_of(DTYPES)}", setting="dtype"
            )
        for name, value, least in (
            ("vocabulary", self.vocabulary, 1),
            ("subwords", self.subwords, 0),
        ):
            if value is not None and value < least:
                raise ConfigError(f"`{name}` is {value}; it must be at least {least}", setting=name)
        if self.dtype == "float32" and not self.quantize and not self.prunes:
            raise ConfigError(
                "there's nothing to do: the `dtype` float32 is what models have, and no word is left out; "
                "choose float16 or int8, or a `vocabulary`"
            )

    @property
    def prunes(self) -> bool:
        """Whether words, or parts of words, are left out."""
        return self.vocabulary is not None or self.subwords is not None

    def to_json(self) -> dict[str, Any]:
        """Return what a model's meta.json says."""
        return dict(vars(self))

    def __str__(self) -> str:
        """Return the settings in words."""
        told = [self.dtype]
        told += ["tables quantised"] if self.quantize else []
        told += [] if self.vocabulary is None else [plural(self.vocabulary, "word")]
        told += [] if self.subwords is None else [plural(self.subwords, "vector") + " of sub-words"]
        return ", ".join(told)


def parse_size(text: str) -> int:
    """Return a number of bytes from a text such as "5MB", "800 kB" or "1.5MiB".

    Raises:
        ConfigError: It's something else.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text, re.IGNORECASE | re.ASCII)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None or not float(found[1]):
        raise ConfigError(f"{text!r} is no size: write such as 5MB, 800kB or 1.5MiB")
    return int(float(found[1]) * unit)
