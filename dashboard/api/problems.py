"""Errors as RFC 9457 problem documents: the same sentence that the page and the log show. Judges nothing."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from tracking.errors import Forbidden, HistotwinError, InputMistakes, NotFound, Refusal, StoreUnavailable

log = logging.getLogger(__name__)
_STATUS: dict[type[HistotwinError], int] = {
    NotFound: 404, Forbidden: 403, Refusal: 422, InputMistakes: 422, StoreUnavailable: 503,
}  # fmt: skip


def problem(status: int, reason: str, detail: str, **more: Any) -> Response:
    """Return a problem document; ``reason`` is the machine word in its ``type``."""
    body = {
        "type": f"urn:histotwin:{reason}", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
        **more,
    }  # fmt: skip
    headers = {"Retry-After": "1"} if status == 503 else None
    return Response(orjson.dumps(body, default=str), status, headers, "application/problem+json")


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(HistotwinError, _ours)
    app.add_exception_handler(RequestValidationError, _wrong_input)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(_request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    if isinstance(error, Refusal):
        return problem(status, error.reason, error.message)
    if isinstance(error, InputMistakes):
        mistakes = [{"field": one.field, "value": one.value, "expected": one.expected} for one in error.mistakes]
        return problem(status, "wrong_input", str(error), errors=mistakes)
    return problem(status, _word(error), str(error))


async def _wrong_input(_request: Request, error: Exception) -> Response:
    details = error.errors() if isinstance(error, RequestValidationError) else []
    mistakes = [
        {"field": ".".join(str(part) for part in one["loc"]), "value": _short(one.get("input")), "expected": one["msg"]}
        for one in details
    ]
    said = "; ".join(f"{one['field']}: {one['value']}: {one['expected']}" for one in mistakes)
    return problem(422, "wrong_input", said, errors=mistakes)


async def _http(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "Something went wrong here."
    return problem(status, HTTPStatus(status).name.lower(), str(detail))


async def _database(request: Request, error: Exception) -> Response:
    log.error("the database failed on %s", request.url.path, exc_info=error)
    return problem(503, "store_unavailable", "The database cannot work just now; nothing was written. Try again.")


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("an unexpected error on %s", request.url.path, exc_info=error)
    return problem(500, "unexpected", "Something went wrong here; it is in the log. Nothing was changed.")


def _word(error: Exception) -> str:
    words = {NotFound: "not_found", Forbidden: "forbidden", StoreUnavailable: "store_unavailable"}
    return next((word for kind, word in words.items() if isinstance(error, kind)), "unexpected")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
