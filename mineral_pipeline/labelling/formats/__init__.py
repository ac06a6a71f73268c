"""File formats of deposit tables. A new format is one new file here that calls `register` with a `DepositFormat`."""

from mineral_pipeline.labelling.formats.content import file_name, parts_of
from mineral_pipeline.labelling.formats.deposit_format import (
    DEPOSIT_FORMATS,
    DepositFormat,
    read_rows,
    register,
)

DEPOSIT_FORMATS.import_modules(__name__)

__all__ = ["DEPOSIT_FORMATS", "DepositFormat", "file_name", "parts_of", "read_rows", "register"]
