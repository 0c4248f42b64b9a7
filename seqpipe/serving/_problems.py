"""Errors of a request, as the client sees them."""

import json
from collections.abc import Mapping
from typing import Any


class RequestError(Exception):
    """A request that can't be answered.

    Args:
        status: The HTTP status.
        message: What's wrong, and what to do.
        headers: Further headers of the response.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def as_json(value: Any) -> bytes:
    """Return a value as JSON, in UTF-8; what JSON has no form for, such as a date, is a string.

    Raises:
        ValueError: It holds NaN or an infinite number.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    # Half of a surrogate pair becomes the escape that it came as.
    return text.encode("utf-8", "backslashreplace")
