"""Members of tar files: what is read is what Python's own module unpacks, and what is hostile is refused unread."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mineral_pipeline.archive import tar_file, validation
from mineral_pipeline.archive.errors import CorruptError
from mineral_pipeline.archive.tar_file import find_tar, read_member

NAME = "LT04_L1TP_181053_19880130_20170209_01_T1_B7.TIF"
FILES = {"A_MTL.txt": b"metadata " * 100, NAME: bytes(range(256)) * 9 + b"end", "A_B1.TIF": b"II*\0"}
KINDS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int | None = None, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(FILES.get(name, b"")) if size is None else size, target
    info.mtime = 1.5  # which pax keeps in a header of its own
    return info


def write(path: Path, *members: tarfile.TarInfo, kind: int = tarfile.PAX_FORMAT, folder: str = "") -> Path:
    """A tar file of `FILES` behind other members, compressed if its name says so."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w", format=kind) as tar:
        for info in members:
            tar.addfile(info)
        for name, content in FILES.items():
            tar.addfile(member(folder + name, size=len(content)), io.BytesIO(content))
    return path


def read(path: Path, name: str = NAME) -> bytes:
    return read_member(str(path), name, lambda size: None)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("folder", ["", "./", "LT04_L1TP_181053_19880130_20170209_01_T1/"])
@pytest.mark.parametrize("ending", tar_file.SUFFIXES)
def test_members_are_those_that_python_unpacks(tmp_path: Path, kind: int, folder: str, ending: str) -> None:
    path = write(tmp_path / f"A{ending}", member("folder", tarfile.DIRTYPE), kind=kind, folder=folder)
    with tarfile.open(path) as tar:
        unpacked = {os.path.basename(info.name): tar.extractfile(info) for info in tar if info.isfile()}
        for name, file in unpacked.items():
            assert file is not None
            assert read(path, name) == file.read() == FILES[name]
    with pytest.raises(FileNotFoundError, match=r"A_B9\.TIF is not in A\.t"):
        read(path, "A_B9.TIF")


def test_compression_is_seen_from_the_bytes(tmp_path: Path) -> None:
    write(tmp_path / "A.tar.gz").rename(tmp_path / "A.tar")
    assert read(tmp_path / "A.tar") == FILES[NAME]


def test_the_size_is_reserved_before_the_bytes_are_read(tmp_path: Path) -> None:
    sizes: list[int] = []
    read_member(str(write(tmp_path / "A.tar")), NAME, sizes.append)
    assert sizes == [len(FILES[NAME])]


def test_a_path_below_a_tar_file(tmp_path: Path) -> None:
    path = write(tmp_path / "A.tar")
    (tmp_path / "folder.tar").mkdir()
    assert find_tar(f"{path}/{NAME}") == str(path)
    assert find_tar(f"{tmp_path}/folder.tar/{NAME}") is None
    assert find_tar(f"{tmp_path}/{NAME}") is None
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.tar")


HOSTILE: dict[str, tuple[tarfile.TarInfo, str]] = {
    "symbolic link": (member(NAME, tarfile.SYMTYPE, 0, "/etc/passwd"), "B7.TIF in A.tar is not a regular file"),
    "hard link": (member(NAME, tarfile.LNKTYPE, 0, "../A_B1.TIF"), "B7.TIF in A.tar is not a regular file"),
    "device": (member(NAME, tarfile.CHRTYPE, 0), "is not a regular file"),
    "pipe": (member(NAME, tarfile.FIFOTYPE, 0), "is not a regular file"),
    "absolute name": (member("/tmp/x", size=0), "A.tar holds /tmp/x, a name that leads out of it"),
    "name above": (member("a/../../x", size=0), "A.tar holds a/../../x, a name that leads out of it"),
    "sparse": (member("A_B2.TIF", tarfile.GNUTYPE_SPARSE, 0), "pack it again without --sparse"),
}


@pytest.mark.parametrize(("hostile", "says"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_refused(tmp_path: Path, hostile: tarfile.TarInfo, says: str) -> None:
    with pytest.raises(CorruptError, match=says) as raised:
        read(write(tmp_path / "A.tar", hostile))
    assert raised.value.details.checksum_verified, "another attempt would change nothing"


def refuse(size: int) -> None:
    raise AssertionError(f"{size} bytes are reserved")


@pytest.mark.parametrize("size", [validation.MAX_OBJECT_BYTES + 1, validation.MAX_TAR_BYTES, 2**62])
def test_huge_members_are_refused_unread(tmp_path: Path, size: int) -> None:
    header = member(NAME, size=size).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "A.tar").write_bytes(header + bytes(1024))
    with pytest.raises(
        CorruptError, match=r"A\.tar has more than 1,000 members or 4 GiB|no such file of a scene is th"
    ):
        read_member(str(tmp_path / "A.tar"), NAME, refuse)


def test_bombs_end_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a compressed file that tells of terabytes no more is decompressed than a product may have."""
    header = member("A_B1.TIF", size=2**20).tobuf(tarfile.GNU_FORMAT)
    bomb = gzip.compress((header + bytes(2**20)) * 40)
    assert len(bomb) < 2**20
    (tmp_path / "A.tar.gz").write_bytes(bomb)
    monkeypatch.setattr(validation, "MAX_TAR_BYTES", 8 * 2**20)
    read_bytes: list[int] = []
    plain = gzip.GzipFile.read
    monkeypatch.setattr(
        gzip.GzipFile, "read", lambda self, size=-1: (read_bytes.append(self.tell()), plain(self, size))[1]
    )
    with pytest.raises(CorruptError, match="has more than 1,000 members or 0 GiB: no product is that large"):
        read(tmp_path / "A.tar.gz")
    assert max(read_bytes) < 9 * 2**20

    (tmp_path / "B.tar").write_bytes(member("A", size=0).tobuf(tarfile.GNU_FORMAT) * 1001 + bytes(1024))
    with pytest.raises(CorruptError, match=r"B\.tar has more than 1,000 members"):
        read(tmp_path / "B.tar")


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_file_that_is_cut_off_is_corrupt(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"A{ending}", kind=tarfile.USTAR_FORMAT)
    whole = path.read_bytes()
    needed = 512 + 1024 + 512 + 2560  # header and data of the first member, and those of the one that is read
    for length in range(0, needed - 512 if ending == ".tar" else len(whole) - 64, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptError, match=rf"^A{ending} is cut off or no tar file: "):
            read(path)
    path.write_bytes(whole[:needed] if ending == ".tar" else whole)
    assert read(path) == FILES[NAME]


def test_a_page_that_is_called_tar(tmp_path: Path) -> None:
    (tmp_path / "A.tar").write_bytes(b"<html>Please log in</html>" * 40)
    with pytest.raises(CorruptError, match=r"A\.tar is cut off or no tar file: "):
        read(tmp_path / "A.tar")
    os.mkfifo(tmp_path / "B.tar")
    with pytest.raises(CorruptError, match=r"B\.tar is not a regular file"):
        read(tmp_path / "B.tar")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_whatever_the_bytes_there_are_bytes_or_a_verdict(tmp_path: Path, data: st.DataObject) -> None:
    ending = data.draw(st.sampled_from([".tar", ".tar.gz"]))
    path = tmp_path / f"A{ending}"
    if not path.exists():
        write(path)
    content = bytearray(path.read_bytes())
    places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, min_size=1, max_size=8)):
        content[place] = value
    changed = tmp_path / f"B{ending}"
    changed.write_bytes(content)
    reserved: list[int] = []
    reserve: Callable[[int], None] = reserved.append
    try:
        found = read_member(str(changed), NAME, reserve)
    except (CorruptError, FileNotFoundError):
        return
    assert [len(found)] == reserved
