"""The small family of errors users meet: the same sentence on screen, in the API and in the log."""

from __future__ import annotations

from dataclasses import dataclass


class HistotwinError(Exception):
    """Base of every error that is meant to be read by a person."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in something a user wrote: where, what stands there, what was expected."""

    file: str
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.value!r}: expected {self.expected}"


class InputMistakes(HistotwinError):
    """A user's file or option is wrong; carries every mistake found, not just the first."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class Refusal(HistotwinError):
    """Something offered to the store cannot be taken: a machine word and one plain sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class NotFound(HistotwinError):
    """What was asked for does not exist, or the person asking may not know that it does."""


class Forbidden(HistotwinError):
    """The person is known, and their role does not allow this."""


class StoreUnavailable(HistotwinError):
    """The database cannot take or give anything now; nothing was written, the caller may try again."""


class StorageFull(StoreUnavailable):
    """The disk that holds the database has no room; what is offered again is taken once there is some."""
