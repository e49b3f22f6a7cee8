"""The JSON Schema of what `export --json` writes, made from the records themselves.

Rules: docs/summary.schema.json is this, word for word; a test says so. A field's sentence is its
docstring's, as in `summary`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from harness.model import FORMAT
from harness.summary import Summary

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PUBLISHED = "docs/summary.schema.json"


def schema() -> dict[str, Any]:
    """Return the schema of summary.json, in JSON Schema's draft 2020-12."""
    found = msgspec.json.schema(Summary)
    return {
        "$schema": DIALECT,
        "title": f"evenloop summary, format {FORMAT}",
        "description": "All that a run found: `nox -s export -- DIR --json FILE` writes it.",
        **found,
    }


def text() -> str:
    """Return the schema, ready to publish, with a line feed at the end."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=1).decode() + "\n"
