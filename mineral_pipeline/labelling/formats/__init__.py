"""File formats of deposit tables. A new format is one new file here that calls `register` with a `DepositFormat`."""

from mineral_pipeline.labelling.formats.deposit_format import (
    DEPOSIT_FORMATS,
    DepositFormat,
    file_name,
    read_rows,
    register,
)

DEPOSIT_FORMATS.import_modules(__name__)

__all__ = ["DEPOSIT_FORMATS", "DepositFormat", "file_name", "read_rows", "register"]
