"""Reads the Excel workbook of the public Addenbrooke's model's layout into a lab document. No simulation here."""

from twin.workbook.document import import_workbook
from twin.workbook.mistakes import WorkbookError, WorkbookMistake
from twin.workbook.writing import write_yaml

__all__ = ["WorkbookError", "WorkbookMistake", "import_workbook", "write_yaml"]
