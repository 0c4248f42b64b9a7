"""What pages that are one file and load nothing have in common."""

import base64
import hashlib
import json
from typing import Any, Final

#: Inside a script, HTML knows no escapes but JSON's own.
_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def source_hash(text: str) -> str:
    """Return what a content security policy calls a style or a script that stands in the page itself."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def json_in_script(data: Any) -> str:
    """Return data as JSON that can stand in a `<script>`: no text in it can end that."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)
