"""An archive without an index, which is listed: in a folder and in a store."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.models import s3_backends
from small_archive import PRODUCT

from benchmarks.support.faults import FaultyServer, Rule, serve
from mineral_pipeline import settings
from mineral_pipeline.archive import build_catalogue, find_products, select_scenes
from mineral_pipeline.archive import listing as listing_module
from mineral_pipeline.errors import ArchiveError, DataError
from mineral_pipeline.sensors.landsat import metadata_file, product_folder

OTHERS = [
    "LT04_L1GS_181054_19890130_20170209_01_T2",
    "LT04_L1TP_181054_19890130_20200209_02_T1",
    "LM04_L1TP_181056_19910130_20170209_01_T1",
    "LT05_L1TP_181055_19900130_20170209_01_T1",
    "LT08_L1TP_181055_20200130_20200209_01_RT",
]
ELSEWHERE = "LT04_L1TP_181053_19880131_20170209_01_T1"
"""In a folder of another name."""

EVERY = sorted([PRODUCT, *OTHERS, ELSEWHERE])


def add(root: Path, product_id: str, folder: str | None = None) -> Path:
    """Put an empty product into an archive."""
    path = root / (folder or product_folder(product_id))
    path.mkdir(parents=True)
    for name in (metadata_file(product_id), f"{product_id}_B7.TIF"):
        (path / name).touch()
    return path


@pytest.fixture
def archive(tmp_path: Path) -> settings.Archive:
    """A folder with `EVERY` product and other things."""
    for product_id in (PRODUCT, *OTHERS):
        add(tmp_path, product_id)
    add(tmp_path, ELSEWHERE, "LT04/01/181/053/LT04_of_another_name")
    unfinished = "LT04_L1TP_181053_19880201_20170209_01_T1"
    (add(tmp_path, unfinished) / metadata_file(unfinished)).unlink()
    add(tmp_path, PRODUCT, f"{product_folder(PRODUCT)}/copy/{PRODUCT}")
    add(tmp_path, "LT41810531988030XXX04", "LT04/PRE/181/053/LT41810531988030XXX04")
    (tmp_path / "readme.txt").touch()
    return settings.Archive(url=str(tmp_path))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"spacecraft": [], "sensors": []}, EVERY),
        ({}, [text for text in EVERY if text.startswith("LT04")]),
        ({"spacecraft": []}, [text for text in EVERY if text[:4] in ("LT04", "LT05")]),
        ({"sensors": []}, [text for text in EVERY if text[3] == "4"]),
        ({"sensors": ["TIRS"], "spacecraft": []}, [OTHERS[4]]),
        ({"tiers": ["T1"], "end": "1988-01-30"}, [PRODUCT]),
        ({"start": "1989-01-30", "levels": ["L1GS"]}, [OTHERS[0]]),
        ({"max_cloud_cover": 0}, [text for text in EVERY if text.startswith("LT04")]),
    ],
)
def test_a_folder(archive: settings.Archive, filters: dict[str, object], found: list[str]) -> None:
    listing = find_products(archive, settings.Catalogue.model_validate(filters))
    assert sorted(listing.rows["PRODUCT_ID"]) == found
    assert (listing.matched, listing.is_index) == (len(found), False)
    assert listing.rows.drop(columns=["PRODUCT_ID", "BASE_URL"]).isna().all(axis=None)


def test_an_impossible_product_is_dropped(archive: settings.Archive) -> None:
    impossible = "LT04_L1TP_181053_19881301_20170209_01_T1"
    add(Path(archive.url), impossible, f"LT04/01/181/053/{impossible}")
    listing = find_products(archive, settings.Catalogue())
    assert listing.dropped == {"no product identifier": 0, "mismatched identifier": 1}
    assert listing.matched == 5


def test_the_catalogue_has_no_boxes(archive: settings.Archive, tmp_path: Path) -> None:
    selection = select_scenes(find_products(archive, settings.Catalogue(spacecraft=[], sensors=[])))
    assert selection.dropped == {"older processing": 1}
    table = build_catalogue(selection.scenes, archive.url, 2)
    assert table.geometry.isna().all()
    assert table["cloud_cover"].isna().all()
    assert all(os.path.isdir(url) for url in table["base_url"])
    assert dict(zip(table["product_id"], table["acquired"], strict=True))[PRODUCT] == "1988-01-30"


def test_real_products_are_the_same_without_their_index(data: Path, tmp_path: Path) -> None:
    for sensor in ("LE07", "LT05"):
        (tmp_path / sensor).symlink_to(data / "archive" / sensor)
    config = settings.Catalogue(spacecraft=[], sensors=[])
    tables = [
        build_catalogue(select_scenes(find_products(settings.Archive(url=str(url)), config)).scenes, "x", 16)
        for url in (tmp_path, data / "archive")
    ]
    assert len(tables[0]) == 3
    unknown = ["geometry", "cloud_cover"]
    assert tables[0].drop(columns=unknown).equals(tables[1].drop(columns=unknown))


def test_what_only_an_index_knows(archive: settings.Archive) -> None:
    with pytest.raises(DataError, match=r"has no index\.csv\.gz, which catalogue\.bounds needs: name one"):
        find_products(archive, settings.Catalogue(bounds=(0, 0, 10, 10)))


def test_nothing_to_list(archive: settings.Archive, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"empty \(listed, for it has no index\.csv\.gz\) holds no scene: fix archive"):
        find_products(settings.Archive(url=str(empty)), settings.Catalogue())
    with pytest.raises(
        DataError, match=r"none of 7 scenes is left by catalogue\.tiers: \['RT'\]: loosen that setting$"
    ):
        find_products(archive, settings.Catalogue(tiers=["RT"]))


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    archive: settings.Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/054"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ArchiveError, match=r"cannot be listed: Permission denied: name an index in archive\.index"):
        find_products(archive, settings.Catalogue())


def test_an_index_that_is_named_must_be_there(archive: settings.Archive) -> None:
    absent = archive.model_copy(update={"index": f"{archive.url}/index.csv"})
    with pytest.raises(ArchiveError, match=r"index\.csv cannot be read: not there"):
        find_products(absent, settings.Catalogue())


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"absent is not a folder"):
        find_products(settings.Archive(url=f"{tmp_path}/absent"), settings.Catalogue())
    with pytest.raises(ArchiveError, match=r"no archive is read from nosuch://"):
        find_products(settings.Archive(url="nosuch://bucket"), settings.Catalogue())


def test_a_web_server_cannot_be_listed(archive: settings.Archive) -> None:
    with serve(archive.url) as server, pytest.raises(ArchiveError, match=r"a web server cannot be listed: name an ind"):
        find_products(settings.Archive(url=server.url), settings.Catalogue())


ROWS, BUCKET = 110, "unindexed"


@pytest.fixture(scope="module")
def store() -> Iterator[FaultyServer]:
    """An S3 server, behind one that counts and fails, with an archive of `ROWS` products of 11 files."""
    emulator = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
    emulator.start()
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]  # over HTTP it takes ten seconds
    bucket.create_bucket(BUCKET, "us-east-1")
    for text in stored():
        for file in ["MTL.txt", *"0123456789"]:
            bucket.put_object(BUCKET, f"planet/{product_folder(text)}/{text}_{file}", b"")
    url = "http://{}:{}".format(*emulator.get_host_and_port())
    with serve(url) as server:
        yield server
    emulator.stop()


def stored() -> list[str]:
    return [f"LT04_L1TP_181{row:03d}_19880130_20170209_01_T1" for row in range(1, ROWS + 1)]


def in_store(server: FaultyServer, url: str = f"s3://{BUCKET}/planet/") -> settings.Archive:
    return settings.Archive(url=url, storage_options={"endpoint": server.url, "region": "us-east-1"}, timeout_s=5)


@pytest.mark.parametrize("rules", [[], [Rule("503", match="list-type", times=2)]], ids=["calm", "faulty"])
def test_a_store_is_listed_in_pages(store: FaultyServer, rules: list[Rule]) -> None:
    store.reset(*rules)
    progress: list[tuple[int, int]] = []
    listing = find_products(in_store(store), settings.Catalogue(), lambda *counts: progress.append(counts))
    assert sorted(listing.rows["PRODUCT_ID"]) == stored()
    assert progress == [(ROWS, ROWS)]
    pages = 1 + 2 + 1  # of the root, and of collections 1 and 2
    assert store.statistics.requests == 1 + pages * (3 if rules else 1)  # 1 for the index that is not there


def test_a_store_that_cannot_be_listed(store: FaultyServer) -> None:
    store.reset(Rule("403", match="list-type"))
    with pytest.raises(ArchiveError, match=r"cannot be listed: permission denied .*: name an index"):
        find_products(in_store(store), settings.Catalogue())
    store.reset()
    with pytest.raises(ArchiveError, match=r"no-such-bucket.* cannot be listed: not there"):
        find_products(in_store(store, "s3://no-such-bucket"), settings.Catalogue())
    with pytest.raises(DataError, match=r"listed below LT05/, which catalogue\.spacecraft and .*holds no scene"):
        find_products(in_store(store), settings.Catalogue(spacecraft=["LANDSAT_5"]))
    with pytest.raises(DataError, match=r"holds no scene: .* lay products out in one of these ways.* and no file$"):
        find_products(in_store(store, f"s3://{BUCKET}/empty"), settings.Catalogue())


def test_a_store_in_other_layouts(store: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Product folders and loose files are found as in a folder; tar files, which would be fetched whole, are told."""
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    loose, packed = OTHERS[0], OTHERS[1]
    for key in (
        f"deep/er/{PRODUCT}/{metadata_file(PRODUCT)}",
        metadata_file(loose),
        f"{packed}.tar",
        f"{loose}.tar.gz",
    ):
        bucket.put_object(BUCKET, f"own/{key}", b"")
    bucket.put_object(BUCKET, f"packed/{packed}.tar", b"")
    store.reset()
    archive = in_store(store, f"s3://{BUCKET}/own")
    listing = find_products(archive, settings.Catalogue())
    table = build_catalogue(select_scenes(listing).scenes, archive.url, 16)
    places = dict(zip(table["product_id"], table["base_url"], strict=True))
    assert places == {PRODUCT: f"s3://{BUCKET}/own/deep/er/{PRODUCT}", loose: f"s3://{BUCKET}/own"}
    assert listing.dropped["tar files are read from folders only, not from a store"] == 1
    assert not listing.is_index
    with pytest.raises(DataError, match=r"found: 0 folders and 1 \.tar .*; tar files are .*: unpack them$"):
        find_products(in_store(store, f"s3://{BUCKET}/packed"), settings.Catalogue())
    monkeypatch.setattr(listing_module, "MAX_LISTED", 2)
    with pytest.raises(
        DataError, match=r"own has no index\.csv\.gz, no folder of a sensor and more than 2 objects: name"
    ):
        find_products(archive, settings.Catalogue())
