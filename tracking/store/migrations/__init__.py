"""The schema's steps, oldest first: one module a step in ``versions``, written out so that it never changes."""
