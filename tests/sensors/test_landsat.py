"""Landsat's identifiers and metadata, on every real MTL and on damaged ones."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.errors import MetadataError
from mineral_pipeline.sensors import landsat, mtl
from mineral_pipeline.sensors.landsat import SceneMetadata, parse_product_id, read_metadata

MTL = """\
GROUP = L1_METADATA_FILE
  GROUP = METADATA_FILE_INFO
    LANDSAT_SCENE_ID = "LT41810531988030XXX04"
    LANDSAT_PRODUCT_ID = "LT04_L1TP_181053_19880130_20170209_01_T1"
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
    FILE_NAME_BAND_7 = "LT04_L1TP_181053_19880130_20170209_01_T1_B7.TIF"
  END_GROUP = PRODUCT_METADATA
  GROUP = IMAGE_ATTRIBUTES
    CLOUD_COVER = 3.00
  END_GROUP = IMAGE_ATTRIBUTES
END_GROUP = L1_METADATA_FILE
END
"""


def test_every_real_mtl_agrees_with_its_index(data: Path, collection_1: list[tuple[str, SceneMetadata]]) -> None:
    index = pd.read_csv(data / "index/lt04-8223.csv.gz").set_index("PRODUCT_ID")
    scenes = [scene for _, scene in collection_1]
    rows = index.loc[[scene.product_id for scene in scenes]]

    assert len(scenes) == len({scene.product_id for scene in scenes}) == 8223
    assert [Path(name).name for name, _ in collection_1] == [landsat.metadata_file(s.product_id) for s in scenes]
    for attribute, column in [("scene_id", "SCENE_ID"), ("path", "WRS_PATH"), ("row", "WRS_ROW")]:
        assert [getattr(scene, attribute) for scene in scenes] == rows[column].tolist()
    assert [scene.acquired.isoformat() for scene in scenes] == rows["DATE_ACQUIRED"].tolist()
    cloud_cover = np.array([scene.cloud_cover for scene in scenes])
    np.testing.assert_array_equal(cloud_cover, rows["CLOUD_COVER"].where(rows["CLOUD_COVER"] >= 0))
    assert np.isnan(cloud_cover).any()
    corners = np.array([scene.corners for scene in scenes])
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    np.testing.assert_array_equal(boxes, rows[["WEST_LON", "SOUTH_LAT", "EAST_LON", "NORTH_LAT"]])
    assert all(landsat.product_folder(s.product_id) in url for s, url in zip(scenes, rows["BASE_URL"], strict=True))


def test_corners_are_the_projected_corners_in_the_same_order(collection_1: list[tuple[str, SceneMetadata]]) -> None:
    zones = pd.Series([scene.utm_zone for _, scene in collection_1])
    for zone, members in zones.groupby(zones):
        scenes = [collection_1[i][1] for i in members.index]
        assert {scene.projection for scene in scenes} == {"UTM" if zone else "PS"}
        x, y = np.array([scene.projected_corners for scene in scenes]).transpose(2, 0, 1)
        project = pyproj.Transformer.from_crs(f"EPSG:{32600 + zone if zone else 3031}", "EPSG:4326", always_xy=True)
        expected = np.stack(project.transform(x, y), axis=-1)
        np.testing.assert_allclose(np.array([scene.corners for scene in scenes]), expected, atol=2e-4)


def test_the_extent_is_the_size_in_pixels(collection_1: list[tuple[str, SceneMetadata]]) -> None:
    left, bottom, right, top = np.array([scene.extent for _, scene in collection_1]).T
    np.testing.assert_array_equal((right - left) / 30, [scene.samples for _, scene in collection_1])
    np.testing.assert_array_equal((top - bottom) / 30, [scene.lines for _, scene in collection_1])


def test_every_other_kind_is_read_or_refused_by_name(data: Path) -> None:
    read: dict[str, SceneMetadata] = {}
    refused: dict[str, str] = {}
    for file in sorted((data / "mtl/other").iterdir()):
        try:
            read[file.name] = read_metadata(file.read_bytes(), file.name)
        except MetadataError as error:
            refused[file.name] = str(error)

    assert len(read) == 58
    assert refused.pop("test_broken_MTL.txt") == "test_broken_MTL.txt: SPACECRAFT_ID is absent"
    assert "SPACECRAFT_ID" in refused.pop("mtltest_LC80100202015018LGN00_MTL.txt")
    assert all("STAC" in reason and reason.startswith(name) for name, reason in refused.items())
    assert len(refused) == 9
    for name, scene in read.items():
        assert re.fullmatch(r"LANDSAT_[1-9]", scene.spacecraft)
        assert scene.sensor in {"TM", "ETM", "MSS", "OLI", "OLI_TIRS"}
        assert (scene.corners[[0, 1], 1] > scene.corners[[3, 2], 1]).all(), f"{name}: upper corners lie north"
        assert (scene.extent[2] - scene.extent[0]) / scene.pixel_size == pytest.approx(scene.samples, abs=1e-3)


def test_text_and_xml_of_collection_2_say_the_same(data: Path) -> None:
    pairs = [file for file in (data / "mtl/other").glob("*_MTL.xml") if file.with_suffix(".txt").exists()]
    assert len(pairs) == 5
    for xml in pairs:
        both = [read_metadata(file.read_bytes()) for file in (xml, xml.with_suffix(".txt"))]
        first, second = ({k: np.array(v).tolist() for k, v in vars(scene).items()} for scene in both)
        assert first == second


def test_a_repeated_key_is_read_from_its_own_group(data: Path) -> None:
    text = (data / "mtl/other/LT05_L2SR_087017_20090621_20200827_02_T2_MTL.xml").read_bytes()
    scene = read_metadata(text)
    assert b"LT05_L1GS_087017" in text
    assert scene.product_id == "LT05_L2SR_087017_20090621_20200827_02_T2"
    assert scene.corners[:2, 0].tolist() == [179.66571, -175.41313]


def test_metadata_from_before_2012(data: Path) -> None:
    scene = read_metadata((data / "mtl/other/L5090081_08120090407_MTL.txt").read_bytes())
    assert scene.product_id == scene.scene_id == "L5090081_08120090407"
    assert (scene.spacecraft, scene.path, scene.row, scene.acquired) == ("LANDSAT_5", 90, 81, date(2009, 4, 7))
    assert math.isnan(scene.cloud_cover)
    assert (scene.lines, scene.samples, scene.pixel_size, scene.utm_zone) == (8401, 9561, 25, -56)
    assert scene.extent == (186000, 6541975, 425025, 6752000)


def test_what_is_absent_is_unknown() -> None:
    scene = read_metadata(MTL)
    assert (scene.lines, scene.samples, scene.projection, scene.utm_zone) == (0, 0, "", 0)
    assert math.isnan(scene.sun_elevation)
    assert all(math.isnan(edge) for edge in scene.extent)
    assert scene.band_files == {"B7": landsat.band_file(scene.product_id, "B7")}
    assert scene.corners.tolist()[1:3] == [[20.54773, 11.05049], [20.55035, 9.16749]]


def test_json_of_collection_2() -> None:
    groups = {
        "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": "LT04_L1TP_181053_19880130_20200909_02_T1"},
        "IMAGE_ATTRIBUTES": dict(re.findall(r"(SPACE\w+|SENSOR\w+|WRS\w+|DATE\w+|CLOUD\w+) = \"?([^\"\n]+)", MTL)),
        "PROJECTION_ATTRIBUTES": dict(re.findall(r"(CORNER\w+) = (\S+)", MTL)),
        "LEVEL1_PROCESSING_RECORD": {"LANDSAT_SCENE_ID": "LT41810531988030XXX04", "LANDSAT_PRODUCT_ID": "another"},
    }
    scene = read_metadata(json.dumps({"LANDSAT_METADATA_FILE": groups}))
    assert scene.product_id == "LT04_L1TP_181053_19880130_20200909_02_T1"
    assert (scene.path, scene.row, scene.cloud_cover) == (181, 53, 3)


@pytest.mark.parametrize("pad", [b"\0" * 60_000, b"\n\n", b" \r\n\0\0"])
def test_padding_is_allowed(pad: bytes) -> None:
    assert read_metadata(b"\xef\xbb\xbf" + MTL.replace("\n", " \r\n").encode() + pad).row == 53


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("WRS_PATH", "0"),
        ("WRS_PATH", "181.5"),
        ("WRS_ROW", "249"),
        ("DATE_ACQUIRED", "1988-02-30"),
        ("CORNER_LR_LAT_PRODUCT", "90.5"),
        ("CORNER_UL_LON_PRODUCT", "nan"),
        ("CORNER_UL_LON_PRODUCT", "east"),
        ("CLOUD_COVER", "101"),
    ],
)
def test_an_impossible_value_is_named(key: str, value: str) -> None:
    with pytest.raises(MetadataError, match=rf"^scene_MTL\.txt: {key} = {re.escape(value)} is impossible"):
        read_metadata(re.sub(rf"{key} = .*", f"{key} = {value}", MTL), "scene_MTL.txt")


@pytest.mark.parametrize("key", ["LANDSAT_SCENE_ID", "SENSOR_ID", "WRS_ROW", "DATE_ACQUIRED", "CORNER_UR_LON_PRODUCT"])
def test_an_absent_key_is_named(key: str) -> None:
    with pytest.raises(MetadataError, match=rf"^scene_MTL\.txt: {key} is absent"):
        read_metadata(MTL.replace(key, "OTHER"), "scene_MTL.txt")


@given(st.integers(0, len(MTL) - 2))
def test_a_text_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(MetadataError, match=r"^scene_MTL\.txt"):
        read_metadata(MTL[:length], "scene_MTL.txt")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" " * (mtl.MAX_METADATA_BYTES + 1), "too many"),
        ("GROUP = LANDSAT_METADATA_FILE\n" + "GROUP = A\n" * 100, "group A is within more than 8 others"),
        ('{"LANDSAT_METADATA_FILE": ' + "[" * 100_000, "recursion"),
        ("<a>" * 50_000, "not a whole"),
        (MTL.replace("WRS_PATH = ", "WRS_PATH = \x1b[31m" + "9" * 5000), r"WRS_PATH = \[31m999.* is impossible"),
    ],
)
def test_size_and_depth_are_bounded_and_reasons_are_one_line(content: bytes | str, reason: str) -> None:
    with pytest.raises(MetadataError, match=reason) as caught:
        read_metadata(content, "scene_MTL.txt")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700


_TEXT = st.text(max_size=40)
_JSON = st.recursive(st.none() | st.integers() | _TEXT, lambda inner: st.dictionaries(_TEXT, inner), max_leaves=5)


@settings(max_examples=50)
@given(
    st.binary(max_size=40)
    | _TEXT
    | _JSON.map(json.dumps)
    | _JSON.map(lambda content: json.dumps({"LANDSAT_METADATA_FILE": content}))
    | _TEXT.map(lambda text: f"<LANDSAT_METADATA_FILE>{text}</LANDSAT_METADATA_FILE>")
    | st.lists(st.sampled_from(MTL.splitlines()), max_size=8).map("\n".join)
)
def test_garbage_is_refused_with_the_projects_own_error(content: bytes | str) -> None:
    with pytest.raises(MetadataError, match=r"^garbage"):
        read_metadata(content, "garbage")


_DAYS = st.dates(date(1972, 7, 23), date(2099, 12, 31))


@given(
    st.builds(
        landsat.ProductId,
        sensor=st.sampled_from(["LT04", "LT05", "LE07", "LC08", "LM01"]),
        level=st.sampled_from(["L1TP", "L1GS", "L1GT", "L2SP"]),
        path=st.integers(1, 251),
        row=st.integers(1, 248),
        acquired=_DAYS,
        processed=_DAYS,
        collection=st.integers(1, 2),
        tier=st.sampled_from(["T1", "T2", "RT"]),
    )
)
def test_identifiers_survive_the_round_trip(identifier: landsat.ProductId) -> None:
    text = str(identifier)
    assert parse_product_id(text) == identifier
    assert landsat.product_folder(text).split("/") == [text[:4], text[-5:-3], text[10:13], text[13:16], text]


def test_real_identifiers_survive_the_round_trip(data: Path) -> None:
    texts = pd.read_csv(data / "index/product-ids-32371.txt.gz", header=None)[0].tolist()
    assert [str(parse_product_id(text)) for text in texts] == texts


def test_names_of_files() -> None:
    product_id = "LT04_L1GS_001026_19821202_20170220_01_T2"
    assert landsat.product_folder(product_id) == f"LT04/01/001/026/{product_id}"
    assert landsat.band_file(product_id, "B7") == f"{product_id}_B7.TIF"
    assert landsat.metadata_file(product_id) == f"{product_id}_MTL.txt"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LT41810531988030XXX04",
        "LT04_L1TP_181053_19880230_20170209_01_T1",
        "LT04_L1TP_181053_19880130_20170209_01_T3",
        "LT04_L1TP_181053_19880130_20170209_01_T1\n",
        "../LT04_L1TP_181053_19880130_20170209_01_T1",
        "LT04_L1TP_18105٣_19880130_20170209_01_T1",
    ],
)
def test_other_texts_are_no_identifiers(text: str) -> None:
    with pytest.raises(MetadataError, match="not a Landsat product identifier"):
        parse_product_id(text)
