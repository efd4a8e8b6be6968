"""PortOne's OpenAPI document as JSON Schema, with the deviations that deviations.toml states."""

from __future__ import annotations

import json
import os
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

Schema = dict[str, Any]
_HERE = Path(__file__).resolve()
DOCUMENT = _HERE.parents[3] / "shared" / "portone" / "v1.openapi.json"
DEVIATIONS: list[Schema] = tomllib.loads((_HERE.parent / "deviations.toml").read_text())["deviation"]
_METHODS = ("get", "post", "put", "delete")


def load() -> Document:
    """The document beside the checkout; without it the test is left out, or fails where it is required."""
    if not DOCUMENT.exists():
        reason = "v1.openapi.json is not beside this checkout (../shared/portone)"
        if os.environ.get("PORTONE_REQUIRE_SHARED") == "1":
            pytest.fail(f"{reason} and PORTONE_REQUIRE_SHARED=1 requires it")
        pytest.skip(reason)
    return Document(json.loads(DOCUMENT.read_text(encoding="utf-8")))


class Document:
    """`operations` are written "GET /payments/{imp_uid}"."""

    def __init__(self, content: Schema, deviations: list[Schema] | None = None) -> None:
        self.unused: list[Schema] = []
        self._content = deepcopy(content)
        self.operations: dict[str, Schema] = {
            f"{method.upper()} {path}": operation
            for path, methods in self._content["paths"].items()
            for method, operation in methods.items()
            if method in _METHODS
        }
        self._answers: dict[str, Schema] = {}
        self._statuses: dict[str, set[int]] = {
            name: {int(status) for status in operation["responses"]} for name, operation in self.operations.items()
        }
        for row in DEVIATIONS if deviations is None else deviations:
            if not self._deviate(row):
                self.unused.append(row)
        self._definitions = {name: _translated(schema) for name, schema in self._content["definitions"].items()}

    def operation_of(self, method: str, path: str) -> str:
        """The operation that a request belongs to; literal parts win over parameters."""
        parts = [part for part in path.split("?")[0].split("/") if part]
        fitting = [name for name in self.operations if _fits(name, method, parts)]
        return min(fitting, key=lambda name: name.count("{")) if fitting else f"{method} {path}"

    def statuses(self, operation: str) -> set[int]:
        return self._statuses[operation]

    def errors(self, operation: str, status: int, content: Any) -> list[str]:
        """What the document says against this answer; empty when it is right."""
        found = [] if status in self.statuses(operation) else [f"{status} is not listed for {operation}"]
        if not isinstance(content, dict) or set(content) != {"code", "message", "response"}:
            return [*found, "not PortOne's envelope"]
        if not isinstance(content["code"], int) or isinstance(content["code"], bool):
            found.append("code is no integer")
        if content["code"] == 0:
            schema = {**self._answer(operation, status), "definitions": self._definitions}
            problems = Draft202012Validator(schema).iter_errors(content["response"])
            return [*found, *(f"{problem.json_path}: {problem.message}" for problem in problems)]
        if content["response"] is not None or not isinstance(content["message"], str):
            found.append("a refusal has a message and no response")
        return found

    def _answer(self, operation: str, status: int) -> Schema:
        if operation in self._answers:
            return self._answers[operation]
        schema = self.operations[operation]["responses"][str(status)]["schema"]
        # The document writes several possible answers (super billing keys) as properties.
        choices = [schema] if "$ref" in schema else list(schema["properties"].values())
        return {"anyOf": [self._response_of(choice["$ref"].rsplit("/", 1)[1]) for choice in choices]}

    def _response_of(self, definition: str) -> Schema:
        for part in self._content["definitions"][definition]["allOf"]:
            response = part.get("properties", {}).get("response")
            if response:
                translated: Schema = _translated(response)
                return translated
        raise LookupError(f"{definition} has no response")

    def _deviate(self, row: Schema) -> bool:
        """Apply one; whether it changed anything."""
        if row["kind"] == "required":
            required = self._content["definitions"][row["definition"]]["required"]
            dropped = [name for name in row["names"] if name in required]
            for name in dropped:
                required.remove(name)
            return len(dropped) == len(row["names"])
        if row["kind"] == "answer":
            item = {"$ref": f"#/definitions/{row['page_of']}"}
            whole = {"type": "integer"}
            page = {"total": whole, "previous": whole, "next": whole, "list": {"type": "array", "items": item}}
            for operation in row["operations"]:
                self._answers[operation] = _closed({"properties": page, "required": list(page)})
            return all(operation in self.operations for operation in row["operations"])
        missing = [set(row["statuses"]) - self._statuses[operation] for operation in row["operations"]]
        for operation in row["operations"]:
            self._statuses[operation] |= set(row["statuses"])
        return all(missing)


def _fits(name: str, method: str, parts: list[str]) -> bool:
    known_method, path = name.split(" ")
    pattern = [part for part in path.split("/") if part]
    if pattern[-1:] == ["{payment_status}"] and pattern[1] != "status" and len(parts) == len(pattern) - 1:
        pattern = pattern[:-1]  # the document calls it optional
    return (
        known_method == method
        and len(pattern) == len(parts)
        and all(known.startswith("{") or known == part for known, part in zip(pattern, parts, strict=True))
    )


def _translated(schema: Any) -> Any:
    """Swagger 2 to JSON Schema: lengths as integers, null where nothing is required, no unknown fields."""
    if isinstance(schema, list):
        return [_translated(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _translated(value) for name, value in schema.items() if name not in ("properties", "example")}
    if "maxLength" in plain:
        plain["maxLength"] = int(plain["maxLength"])
    if "properties" in schema:
        required = schema.get("required", [])
        plain["properties"] = {
            name: _translated(value) if name in required else {"anyOf": [_translated(value), {"type": "null"}]}
            for name, value in schema["properties"].items()
        }
        plain = _closed(plain)
    return plain


def _closed(schema: Schema) -> Schema:
    return {**schema, "type": "object", "additionalProperties": False}
