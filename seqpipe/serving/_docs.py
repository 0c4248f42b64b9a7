"""The page of the paths, drawn from the OpenAPI document; FastAPI's own loads its code from elsewhere."""

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment


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
