"""Products in a folder are found in every layout, once each; where there is none the message shows what would do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_pipeline.archive.local_products import COPY, METADATA, TAR, UNTOLD, Product, find_local_products
from mineral_pipeline.errors import DataError
from mineral_pipeline.sensors.landsat import PRODUCT_ID, metadata_file, parse_product_id, product_folder

FIRST = "LC08_L1TP_016037_20170813_20170814_01_RT"
SECOND = "LE07_L1TP_107068_20220310_20220405_02_T1"
THIRD = "LT05_L1GS_092091_19910506_20170126_01_T2"


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


LAYOUTS = {
    "loose files": (metadata_file(FIRST), ""),
    "loose files in a folder": (f"2017/august/{metadata_file(FIRST)}", "2017/august"),
    "a folder of its name": (f"{FIRST}/{metadata_file(FIRST)}", FIRST),
    "a folder of another name": (f"download (3)/{metadata_file(FIRST)}", "download (3)"),
    "the bucket's": (f"{product_folder(FIRST)}/{metadata_file(FIRST)}", product_folder(FIRST)),
    "tar": (f"{FIRST}.tar", f"{FIRST}.tar"),
    "tar.gz": (f"{FIRST}.tar.gz", f"{FIRST}.tar.gz"),
    "tgz in a folder": (f"a/{FIRST}.tgz", f"a/{FIRST}.tgz"),
}


@pytest.mark.parametrize(("name", "place"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_product_is_found(tmp_path: Path, name: str, place: str) -> None:
    assert find_local_products(str(put(tmp_path, name)), "x") == ([Product(FIRST, place)], {})


def test_layouts_may_be_mixed_and_copies_count_once(tmp_path: Path) -> None:
    put(tmp_path, f"{FIRST}.tar", f"z/{metadata_file(FIRST)}", f"b/{FIRST}.tar.gz", f"a/{SECOND}.tar", "readme.txt")
    put(tmp_path, f"{product_folder(THIRD)}/{metadata_file(THIRD)}", f"{SECOND}.tar")
    assert find_local_products(str(tmp_path), "x") == (
        [Product(FIRST, "z"), Product(SECOND, f"{SECOND}.tar"), Product(THIRD, product_folder(THIRD))],
        {COPY: 3},
    )


def test_a_folder_that_holds_itself_is_looked_into_once(tmp_path: Path) -> None:
    put(tmp_path, f"a/{metadata_file(FIRST)}")
    (tmp_path / "a/again").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert find_local_products(str(tmp_path), "x") == ([Product(FIRST, "a")], {})


def test_what_would_do_and_what_there_is(tmp_path: Path) -> None:
    put(tmp_path, "LC80100202015018LGN00_MTL.txt", "a/b/LC80100202015018LGN00_B7.TIF", "a/odd\nname.xml", "LICENSE")
    put(tmp_path, "deep/1/2/3/4/5/too deep.txt", "download.tar.gz")
    with pytest.raises(DataError) as raised:
        find_local_products(str(tmp_path), "archive x")
    text = str(raised.value)
    assert text.startswith("archive x holds no scene: fix archive.url, or lay products out in one of these ways, where")
    for layout in ("ID/ID_MTL.txt with ID/ID_B7.TIF", "ID.tar or ID.tar.gz", "SENSOR/COLLECTION/PATH/ROW/ID/"):
        assert layout in text
    assert "; found: 7 folders and 1 _MTL.txt (such as LC80100202015018LGN00_MTL.txt), 1 without an ending (" in text
    assert "1 .tar.gz (such as download.tar.gz)" in text
    assert text.endswith(
        "; LC80100202015018LGN00 is of before the collections: order it again, as Collection 2 Level 1"
    )
    assert "1 .xml (such as odd name.xml)" in text
    assert "\n" not in text


def test_metadata_in_other_notations_only_are_told(tmp_path: Path) -> None:
    put(tmp_path, f"{FIRST}_MTL.json", f"{FIRST}_MTL.xml", f"{FIRST}_B7.TIF")
    with pytest.raises(DataError, match=rf"; {FIRST}_MTL\.(json|xml) is no _MTL\.txt, which is read .*: put it there$"):
        find_local_products(str(tmp_path), "x")
    put(tmp_path, metadata_file(SECOND), f"{SECOND}_MTL.json")
    assert find_local_products(str(tmp_path), "x") == ([Product(SECOND, "")], {UNTOLD: 1})


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"; found: 0 folders and no file$"):
        find_local_products(str(tmp_path), "x")


@settings(max_examples=30)
@given(st.from_regex(PRODUCT_ID, fullmatch=True), st.sampled_from(["_MTL.txt", ".tar", ".tar.gz"]))
def test_names_are_taken_apart(product_id: str, ending: str) -> None:
    match = METADATA.fullmatch(product_id + ending) or TAR.fullmatch(product_id + ending)
    assert (match[1] if match else None) == (product_id if product_id.isascii() else None)


def test_the_identifiers_are_real() -> None:
    assert [str(parse_product_id(text)) for text in (FIRST, SECOND, THIRD)] == [FIRST, SECOND, THIRD]
