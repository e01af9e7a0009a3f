"""Services from a file: for a business system that has no interface yet, CSV or XLSX, Chinese or English headings.

Same schema, same service and same answers as the API; only the words of a spreadsheet
are translated here.  Reasons name the sheet's row and column, never what stood in it:
a column that slipped may hold someone's name.
"""

from minping.evaluate.files.intake import BadService, FileResult, check_data, import_data, import_file
from minping.evaluate.files.reading import read, template

__all__ = ["BadService", "FileResult", "check_data", "import_data", "import_file", "read", "template"]
