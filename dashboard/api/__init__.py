"""The HTTP API under ``/api/v1``: one module a group of calls, all of them declared in ``routes``."""
