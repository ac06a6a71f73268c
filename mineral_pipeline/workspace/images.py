"""Images of a store, read so that nothing else is taken for them.

The checksum in every chunk tells bytes that have changed. What no checksum can tell, a chunk that is absent, which Zarr
reads as fill, or one that stands in the place of another, is told by the digests that the maker of the images has left.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import google_crc32c
import numpy as np
import zarr
from numcodecs import blosc
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.pixels import PixelScale
from mineral_pipeline.workspace.workspace import REPAIR, Workspace

CHECKSUM_BYTES = 4
"""Bytes of the checksum at the end of a chunk."""


@dataclass(frozen=True)
class Images:
    """Images of a store, of which each is compared with its digest when it is read."""

    workspace: Workspace
    """The workspace."""
    name: str
    """Name of the store."""
    array: zarr.Array[Any]
    """(image, band, y, x), on disk."""
    digests: Mapping[int, str]
    """`digest_array` of every image that may be read, by its index; empty for one that is nothing but fill."""

    @cached_property  # Zarr makes it anew each time, which is a twentieth of the time of a small batch
    def shape(self) -> tuple[int, ...]:
        """Images, bands, rows and columns."""
        return self.array.shape

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(self.array.dtype)

    @property
    def scale(self) -> PixelScale:
        """What the numbers of the pixels mean."""
        return PixelScale.of_attributes(self.array.dtype, self.array.attrs.asdict())

    @property
    def images_per_file(self) -> int:
        """Images that one file holds: the chips of a shard, or the samples of a batch."""
        return int((self.array.shards or self.array.chunks)[0])

    def file(self, number: int) -> str:
        """Name of the file with the images of a shard or batch."""
        return f"{self.name}/image/c/{number}" + "/0" * (len(self.shape) - 1)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Images (row, band, y, x) by their indices, in whatever order.

        Raises:
            WorkspaceError: a file is damaged, absent, or holds other images.
        """
        try:
            images = self._decode(rows)
        except WorkspaceError:
            raise
        except Exception:  # damaged bytes raise errors of any kind, and none tells in which file they are
            others = rows.tolist()
        else:
            others = self._others(rows, images)
            if not others:
                return images
        for number in sorted({row // self.images_per_file for row in others}):
            if fault := self.find_fault(number):
                raise WorkspaceError(f"{self.workspace.uri(self.file(number))} {fault}: {REPAIR}")
        raise WorkspaceError(f"{self.workspace.uri(self.name)} changes while it is read: run the same command again")

    def read_file(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The indices of all images that may be read of a shard or batch, and these images: one request.

        Raises:
            WorkspaceError: as in `read`.
        """
        start = number * self.images_per_file
        every = np.arange(start, min(start + self.images_per_file, self.shape[0]))
        rows = every[np.isin(every, list(self.digests))]
        try:
            images = self._decode(every)[rows - start]
        except WorkspaceError:
            raise
        except Exception:  # damaged bytes raise errors of any kind, and another chip of the file may be damaged
            return rows, self.read(rows)
        return rows, self.read(rows) if self._others(rows, images) else images

    def decode_file(self, number: int, images: np.ndarray) -> bytes | None:
        """Decode a whole file into its place, past Zarr (measured: a fifth less time at 512 pixels, two thirds at 64).

        Args:
            number: number of the file.
            images: (images_per_file, band, y, x), contiguous, of the type of the pixels.

        Returns:
            The checksum that the file ends in, which it was compared with. Equal checksums mean equal images, so that
            who has found them whole once need not do it again. None where the file is absent, damaged, or not
            the one chunk that `zarr_store.create_samples` makes: `read` reads it, or says what is wrong.
        """
        if not self._is_chunk_a_file:
            return None
        try:
            content = self._read_bytes(number)
            compressed, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:].tobytes()
            if google_crc32c.value(compressed).to_bytes(CHECKSUM_BYTES, "little") != checksum:
                return None
            if int.from_bytes(compressed[4:8].tobytes(), "little") != images.nbytes:  # Blosc's header
                return None
            blosc.decompress(compressed, images)
        except Exception:  # damaged bytes raise errors of any kind; `read` says what became of the file
            return None
        return checksum

    def are_whole(self, rows: np.ndarray, images: np.ndarray) -> bool:
        """Whether images (row, band, y, x) are what was written as those of the indices."""
        return not self._others(rows, images)

    def find_fault(self, number: int) -> str | None:
        """What is wrong with the file of a shard or batch, as far as its images may be read; None when nothing is.

        Raises:
            WorkspaceError: the workspace cannot be read.
        """
        start = number * self.images_per_file
        rows = np.array([row for row in range(start, start + self.images_per_file) if row in self.digests], np.int64)
        try:
            images = self._decode(rows)
        except WorkspaceError:
            raise
        except Exception as error:  # damaged bytes raise errors of any kind
            return f"is damaged ({one_line(error)})"
        others = self._others(rows, images)
        if not others:
            return None
        if not self.workspace.exists(self.file(number)):
            return "is absent"
        return f"holds {len(others)} of {len(rows)} images otherwise than they were written, the first at {others[0]}"

    def _read_bytes(self, number: int) -> np.ndarray:
        """The bytes of a file; past fsspec on a disk, where it takes longer to find the file than to decompress it."""
        if self._disk_folder:
            return np.fromfile(f"{self._disk_folder}/{self.file(number)}", np.uint8)
        return np.frombuffer(self.workspace.read_bytes(self.file(number)), np.uint8)

    @cached_property
    def _disk_folder(self) -> str | None:
        """Folder of the workspace; None on an object store."""
        return self.workspace.path(self.name).removesuffix(f"/{self.name}") if self.workspace.is_local else None

    @cached_property
    def _is_chunk_a_file(self) -> bool:
        """Whether every file is one chunk, as `zarr_store.COMPRESSORS` leaves it on this machine."""
        codecs: list[Any] = list(getattr(self.array.metadata, "codecs", ()))
        if [type(codec) for codec in codecs] != [BytesCodec, BloscCodec, Crc32cCodec]:
            return False
        endian = codecs[0].endian  # None where a pixel is a byte
        is_native = endian is None or endian.value == sys.byteorder
        return is_native and self.array.chunks[1:] == self.array.shape[1:]

    def _decode(self, rows: np.ndarray) -> np.ndarray:
        contiguous = len(rows) > 0 and bool((np.diff(rows) == 1).all())
        with self.workspace.reading(self.name):
            if contiguous:  # a slice is decoded into its place
                return np.asarray(self.array[int(rows[0]) : int(rows[-1]) + 1])
            return np.asarray(self.array.oindex[rows])

    def _others(self, rows: np.ndarray, images: np.ndarray) -> list[int]:
        """Indices of the images that are not what was written."""
        return [row for row, image in zip(rows.tolist(), images, strict=True) if not self._is_whole(row, image)]

    def _is_whole(self, row: int, image: np.ndarray) -> bool:
        digest = self.digests[row]
        return digest_array(image) == digest if digest else not image.any()
