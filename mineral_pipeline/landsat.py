"""Landsat's identifiers, file names and metadata: the public import of `mineral_pipeline.sensors.landsat`."""

from mineral_pipeline.sensors.landsat import (
    CORNERS,
    PRODUCT_ID,
    TIFF_MAGIC,
    ProductId,
    SceneMetadata,
    band_file,
    metadata_file,
    parse_product_id,
    product_folder,
    read_metadata,
)

__all__ = [
    "CORNERS",
    "PRODUCT_ID",
    "TIFF_MAGIC",
    "ProductId",
    "SceneMetadata",
    "band_file",
    "metadata_file",
    "parse_product_id",
    "product_folder",
    "read_metadata",
]
