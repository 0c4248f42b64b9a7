"""What a server serves, and what it lets its clients do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from seqpipe.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """How much a client may ask for.

    Attributes:
        body: The size of a request's body, in bytes.
        records: How many records a request may have.
        characters: The length of a record's text.
        explained: The length of a text that's explained, which takes far longer than predicting.
        queue: How many records may wait in all.
        held: The size of the bodies of all requests that aren't answered yet, in bytes.
        seconds: A request that isn't answered after so long isn't worked on any more.
        patience: So many seconds a client may take to send a request, or to take some of its response.

    Raises:
        ConfigError: A limit isn't a number above 0, or there's less room for all requests than one may take.
    """

    body: int = 10_000_000
    records: int = 1_000
    characters: int = 100_000
    explained: int = 5_000
    queue: int = 2_000
    held: int = 200_000_000
    seconds: float = 30.0
    patience: float = 10.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(
                    f"the limit `{each.name}` is {value}; it must be above 0", setting=each.name
                )
        if self.queue < self.records:
            raise ConfigError(
                f"the queue holds {self.queue:,} records, and a request may have {self.records:,}: lengthen the queue, or allow fewer records",
                setting="queue",
            )
        if self.held < self.body:
            raise ConfigError(
                f"all requests together may have {self.held:,} bytes, and one may have {self.body:,}: allow more, or smaller requests",
                setting="held",
            )


@dataclass(frozen=True)
class ServerSettings:
    """What's served, and how. It can be pickled.

    Attributes:
        model: The folder of a saved pipeline, or the name of an installed one.
        options: Settings of the `seqpipe.Predictor`.
        batch_size: At most so many records are predicted for at once.
        batch_wait: So many seconds a record waits for others that fill its batch.
        limits: How much a client may ask for.
        token: What clients have to send, as "Authorization: Bearer TOKEN"; None if anybody may ask.
        names: Without a token, the names that clients may call the server by, beside localhost and IP addresses. With a token,
            they may call it by any.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 32
    batch_wait: float = 0.002
    limits: Limits = Limits()
    token: str | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ConfigError(
                f"`batch_size` is {self.batch_size}; it must be at least 1", setting="batch_size"
            )
        if not 0 <= self.batch_wait < math.inf:
            raise ConfigError(
                f"`batch_wait` is {self.batch_wait}; it can't be negative", setting="batch_wait"
            )
        if self.token is not None and not (
            self.token and all("!" <= character <= "~" for character in self.token)
        ):
            raise ConfigError(
                "`token` must be of visible ASCII characters, without blanks", setting="token"
            )
