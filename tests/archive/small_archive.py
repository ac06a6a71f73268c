"""Parts of a small archive in the bucket's layout."""

from __future__ import annotations

import pandas as pd

from mineral_pipeline.sensors.landsat import BUCKET, parse_product_id, product_folder

PRODUCT = "LT04_L1TP_181053_19880130_20170209_01_T1"
TIFF = b"II*\0\x08\0\0\0 and so on"
MTL = """\
GROUP = L1_METADATA_FILE
  GROUP = METADATA_FILE_INFO
    LANDSAT_SCENE_ID = "LT41810531988030XXX04"
    LANDSAT_PRODUCT_ID = "{product_id}"
  END_GROUP = METADATA_FILE_INFO
  GROUP = PRODUCT_METADATA
    SPACECRAFT_ID = "LANDSAT_4"
    SENSOR_ID = "TM"
    WRS_PATH = 181
    WRS_ROW = 053
    DATE_ACQUIRED = 1988-01-30
    CORNER_UL_LAT_PRODUCT = 11.03976
    CORNER_UL_LON_PRODUCT = 18.41177
    CORNER_UR_LAT_PRODUCT = 11.05049
    CORNER_UR_LON_PRODUCT = 20.54773
    CORNER_LL_LAT_PRODUCT = 9.15862
    CORNER_LL_LON_PRODUCT = 18.42678
    CORNER_LR_LAT_PRODUCT = 9.16749
    CORNER_LR_LON_PRODUCT = 20.55035
    FILE_NAME_BAND_5 = "{product_id}_B5.TIF"
    FILE_NAME_BAND_7 = "{product_id}_B7.TIF"
  END_GROUP = PRODUCT_METADATA
END_GROUP = L1_METADATA_FILE
END
"""


def listing(*product_ids: str, **columns: object) -> pd.DataFrame:
    """Rows of an index that describe products correctly, except for ``columns``."""
    rows = []
    for text in product_ids:
        part = parse_product_id(text)
        row = {
            "SCENE_ID": "",
            "PRODUCT_ID": text,
            "SPACECRAFT_ID": f"LANDSAT_{part.sensor[-1]}",
            "SENSOR_ID": {"LT": "TM", "LE": "ETM", "LC": "OLI_TIRS", "LM": "MSS"}[part.sensor[:2]],
            "DATE_ACQUIRED": part.acquired.isoformat(),
            "COLLECTION_NUMBER": f"{part.collection:02d}",
            "COLLECTION_CATEGORY": part.tier,
            "DATA_TYPE": part.level,
            "WRS_PATH": part.path,
            "WRS_ROW": part.row,
            "CLOUD_COVER": 10.0,
            "NORTH_LAT": 11.0,
            "SOUTH_LAT": 9.0,
            "WEST_LON": 18.0,
            "EAST_LON": 20.5,
            "TOTAL_SIZE": "",
            "BASE_URL": f"{BUCKET}/{product_folder(text)}",
        }
        rows.append(row)
    return pd.DataFrame(rows).assign(**columns)
