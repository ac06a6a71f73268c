"""Images of a store, read so that nothing else is taken for them.

The checksum in every chunk tells bytes that have changed. What no checksum can tell, a chunk that is absent, which Zarr
reads as fill, or one that stands in the place of another, is told by the digests that the maker of the images has left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr

from mineral_pipeline.errors import WorkspaceError, one_line
from mineral_pipeline.workspace.digests import digest_array
from mineral_pipeline.workspace.workspace import REPAIR, Workspace


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

    @property
    def shape(self) -> tuple[int, ...]:
        """Images, bands, rows and columns."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(self.array.dtype)

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
            suspects = {row // self.images_per_file for row in self._others(rows, images)}
        except WorkspaceError:
            raise
        except Exception:  # damaged bytes raise errors of any kind, and in which file they are no error tells
            suspects = {*(rows // self.images_per_file).tolist()}
        else:
            if not suspects:
                return images
        for number in sorted(suspects):
            for reason in self.find_faults(number):
                uri = self.workspace.uri(self.file(number))
                raise WorkspaceError(f"{uri} {reason}: {REPAIR}")
        raise WorkspaceError(f"{self.workspace.uri(self.name)} changes while it is read: run the same command again")

    def find_faults(self, number: int) -> Iterator[str]:
        """Yield what is wrong with the file of a shard or batch: a reason, or one for each image that is another.

        Raises:
            WorkspaceError: the workspace cannot be read.
        """
        start = number * self.images_per_file
        rows = np.arange(start, min(start + self.images_per_file, self.shape[0]))
        try:
            images = self._decode(rows)
        except WorkspaceError:
            raise
        except Exception as error:  # damaged bytes raise errors of any kind
            yield f"is damaged ({one_line(error)})"
            return
        others = self._others(rows, images)
        if others and not self.workspace.exists(self.file(number)):
            yield "is absent"
        else:
            yield from (f"does not hold image {row} as it was written" for row in others)

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
