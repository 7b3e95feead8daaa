"""The JSON Schema of scenario files of a kind, generated from its model, for editors and other programs."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from pytest_terminalbench.scenarios.kinds import Kind

__all__ = ["schema_text"]

TITLE = "A scenario of pytest-terminalbench"


class _Untitled(GenerateJsonSchema):
    """Without pydantic's titles, which repeat the fields' names in capitals."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_text(kind: Kind) -> str:
    """The schema as a file's text: keys in the model's order, final newline."""
    generated = kind.model.model_json_schema(by_alias=True, schema_generator=_Untitled)
    schema = {"$schema": _Untitled.schema_dialect, **generated, "title": TITLE}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
