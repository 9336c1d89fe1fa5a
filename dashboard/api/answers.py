"""How answers are written: orjson, without asking pydantic about every field, because queries return plain values."""

from __future__ import annotations

import orjson
from fastapi.responses import Response

from tracking.queries.words import Answer


def answer(content: Answer, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")
