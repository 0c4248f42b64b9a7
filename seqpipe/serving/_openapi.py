"""What the OpenAPI document says of bodies and responses, which are read and written by hand, and the page that shows it.

FastAPI's own page loads its code from elsewhere.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment

_RECORD: Final = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"id": {}, "text": {"type": "string"}},
            "additionalProperties": True,
        },
    ]
}
_ERROR: Final = {
    "description": "What's wrong",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"error": {"type": "string"}}}
        }
    },
}


def _body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


PREDICT: Final = _body(
    {"anyOf": [*_RECORD["anyOf"], {"type": "array", "items": _RECORD}]},
    [{"id": 7, "text": "A fine film."}, {"id": 8, "text": ""}],
)
EXPLAIN: Final = _body(
    {
        "type": "object",
        "required": ["text"],
        "properties": {
            "text": {"type": "string"},
            "labels": {"type": "array", "items": {"type": "string"}},
            "method": {"enum": ["gradients", "leave-one-out", "attention"]},
            "component": {"type": "string"},
            "seed": {"type": "integer", "minimum": 0},
        },
    },
    {"text": "A fine film.", "method": "gradients"},
)
#: Of every path.
ERRORS: Final[dict[int | str, dict[str, Any]]] = {"4XX": _ERROR, "5XX": _ERROR}


def draw_docs(template: str, openapi: Mapping[str, Any]) -> str:
    """Draw the page.

    Args:
        template: The page's template.
        openapi: The OpenAPI document.
    """
    paths = [
        _drawn(path, method, operation)
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(template)
        .render(info=openapi["info"], paths=paths)
    )


def _drawn(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = body.get("example")
    return {
        "path": path,
        "method": method.upper(),
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": operation.get("parameters", []),
        "example": "" if example is None else json.dumps(example, ensure_ascii=False),
    }
