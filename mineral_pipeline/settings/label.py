"""Section ``label`` of a settings file: tables of deposits, and what is counted of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mineral_pipeline.settings.fields import Uri, text_encoding
from mineral_pipeline.settings.section import Section

Encoding = Annotated[str, AfterValidator(text_encoding)]
Name = Annotated[str, Field(min_length=1)]


class DepositColumns(Section):
    """Names of a table's columns, where they are not among those that are recognised (see docs/deposits.md)."""

    lon: Name | None = None
    """Longitude in degrees."""
    lat: Name | None = None
    """Latitude in degrees."""
    x: Name | None = None
    """Easting in the unit of ``crs``."""
    y: Name | None = None
    """Northing in the unit of ``crs``."""
    crs: Name | None = None
    """Reference system of each row, in any form that PROJ understands."""
    id: Name | None = None
    """Identifier."""
    name: Name | None = None
    """Name of the site."""
    country: Name | None = None
    """Country, by which wrong signs of coordinates are found."""
    commodities: Name | list[Name] | None = None
    """Commodities: one column of lists, or several."""
    dataset: Name | None = None
    """Data set that a row comes from, within which identifiers hold."""
    year: Name | None = None
    """Year of discovery."""
    size: Name | None = None
    """Size of the deposit or of its production."""
    operation: Name | None = None
    """Type of operation, such as surface or underground."""
    status: Name | None = None
    """State of development, such as prospect or past producer."""
    position_error: Name | None = None
    """Error of the position in metres."""

    @model_validator(mode="after")
    def _coordinates_come_in_pairs(self) -> DepositColumns:
        if (self.lon is None, self.x is None) != (self.lat is None, self.y is None) or (self.lon and self.x):
            raise ValueError("give lon and lat, or x and y")
        return self


class DepositFile(Section):
    """A table of deposits."""

    path: Uri
    """Path or URL."""
    layer: Name | None = None
    """Layer of a GeoPackage or sheet of a workbook, where it has several."""
    crs: Name | None = None
    """Reference system of the coordinates in any form that PROJ understands, such as ``EPSG:32633``; default that of
    the file or of its rows, or else WGS 84, if they are degrees."""
    encoding: Encoding | None = None
    """Encoding of the text of a CSV table or a shapefile; default ``label.encoding``."""
    columns: DepositColumns = DepositColumns()
    """Columns that go by names of their own."""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _as_path(self, serialise: SerializerFunctionWrapHandler) -> Any:
        """As it is written: a path alone is a text."""
        values = {key: value for key, value in serialise(self).items() if value and key in self.model_fields_set}
        if "columns" in values:
            values["columns"] = {role: name for role, name in values["columns"].items() if name}
        return values["path"] if len(values) == 1 else values


class Label(Section):
    """Targets from known deposits."""

    deposits: list[DepositFile] = Field(min_length=1)
    """Tables of deposits in any registered format, those with priority first; each a path or URL, or a mapping."""
    barren: list[DepositFile] | None = Field(None, min_length=1)
    """Tables of places that were explored and hold no deposit, in the same formats. A chip that contains one, and no
    deposit, is marked ``is_barren``; by default there are none."""
    hidden: Uri | None = None
    """Parquet table with the ``id`` of deposits that are left out as if no one had found them; the job backtest makes
    it. By default there are none."""
    encoding: Encoding | None = None
    """Encoding of the tables' text, such as ``cp1250`` or ``gbk``; default UTF-8, or Windows-1252 where it is not."""
    merge_km: float = Field(1.5, ge=0)
    """Maximum distance in kilometres between merged deposits of one name; the position of the first table is kept."""
    commodities: Annotated[int, Field(ge=0)] | list[str] = 10
    """Names of the commodities that get labels of their own, or the number of most frequent ones."""
    groups: Literal["all"] | list[str] = "all"
    """Commodity groups that get labels of their own, such as ``precious`` (see docs/deposits.md)."""
    min_deposits: int = Field(1, ge=1)
    """Minimum number of deposits of a positive chip; one with fewer, but not none, is ambiguous: see curate."""
    partitions: int = Field(4, gt=0)
    """Number of partitions of the scenes; more than the number of workers gains nothing."""
