"""Months of the log as files: written, read, dropped from the table and put back."""
