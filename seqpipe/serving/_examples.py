"""What the OpenAPI document says of bodies and responses, which are read and written by hand."""

from typing import Any, Final

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
