"""Who is asking, and what they may see and do: decided here once, for pages, API and commands alike."""

from tracking.access.accounts import Access
from tracking.access.people import Person
from tracking.access.principals import Principal, Role
from tracking.access.tokens import IssuedToken, TokenEntry

__all__ = ["Access", "IssuedToken", "Person", "Principal", "Role", "TokenEntry"]
