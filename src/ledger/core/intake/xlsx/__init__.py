"""Reading an XLSX workbook from its bytes: the container, its XML parts, the rows of a sheet.

ECMA-376 (Office Open XML), the parts that hold values: no formula is calculated, no macro, link,
picture or nested archive is opened. Everything is counted while it is unpacked, so that a small
file cannot become a large one.
"""

from ledger.core.intake.xlsx.container import is_workbook
from ledger.core.intake.xlsx.workbook import Workbook, open_workbook

__all__ = ["Workbook", "is_workbook", "open_workbook"]
