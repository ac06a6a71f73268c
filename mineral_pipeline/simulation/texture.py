"""Random textures that are defined at every point of a map: sums of plane waves.

A point has the same texture in every scene that shows it, at any pixel size: waves too short for the pixels are
omitted, longer ones are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mineral_pipeline.geometry import Floats

Floats32 = npt.NDArray[np.float32]

PIXELS_PER_WAVE = 3
"""Pixels that the shortest wave of an image spans at least."""

SMOOTH_KM, SAMPLES_PER_WAVE = 4.0, 32
"""Waves at least so long are evaluated so many times in the length of the shortest of them."""


@dataclass(frozen=True)
class Texture:
    """A sum of plane waves with mean 0 and standard deviation 1."""

    vectors: Floats
    """(k, 2) wave vectors, radians per km, from the longest wave to the shortest."""
    phases: Floats
    """(k,) phases of the waves, radians."""
    amplitudes: Floats
    """(k,) amplitudes of the waves."""

    def __call__(self, east: Floats32, north: Floats32) -> Floats32:
        """Values at points of the map; ``east`` and ``north`` are km, of the same shape."""
        total = np.zeros(east.shape, np.float32)
        for (x, y), phase, amplitude in zip(self.vectors, self.phases, self.amplitudes, strict=True):
            total += np.float32(amplitude) * np.sin(np.float32(x) * east + (np.float32(y) * north + np.float32(phase)))
        return total

    def on_pixels(self, east: Floats32, north: Floats32, pixel_km: float) -> Floats32:
        """Values at the pixels of an image, (y, x), without waves too short for the pixels.

        Long waves are evaluated at every few pixels and interpolated linearly, which is right to half a percent.
        """
        lengths = 2 * np.pi / np.hypot(*self.vectors.T)
        step = max(int(SMOOTH_KM / SAMPLES_PER_WAVE / pixel_km), 1)
        if step == 1 or min(east.shape) <= step:
            return self._select(lengths >= PIXELS_PER_WAVE * pixel_km)(east, north)
        smooth = self._select(lengths >= SMOOTH_KM)(east[::step, ::step], north[::step, ::step])
        fine = self._select((lengths < SMOOTH_KM) & (lengths >= PIXELS_PER_WAVE * pixel_km))
        for axis, size in enumerate(east.shape):
            smooth = _refined(smooth, axis, step, size)
        return smooth + fine(east, north)

    def _select(self, waves: np.ndarray) -> Texture:
        return Texture(self.vectors[waves], self.phases[waves], self.amplitudes[waves])


def _refined(values: Floats32, axis: int, step: int, size: int) -> Floats32:
    """Interpolate values at every ``step``-th position along an axis linearly to all ``size`` positions."""
    positions = np.arange(size) / step
    before = np.minimum(positions.astype(np.intp), values.shape[axis] - 2)
    shape = [1, 1]
    shape[axis] = size
    weight = (positions - before).astype(np.float32).reshape(shape)
    first, second = np.take(values, before, axis), np.take(values, before + 1, axis)
    return np.asarray(first + weight * (second - first), dtype=np.float32)


def draw(rng: np.random.Generator, longest_km: float, octaves: int, waves: int = 3, roughness: float = 0.7) -> Texture:
    """Draw a texture.

    Args:
        rng: random generator.
        longest_km: length of the longest waves.
        octaves: number of octaves; each has half the wave length of the one before.
        waves: number of waves in an octave.
        roughness: amplitude of an octave over that of the octave before.
    """
    octave = np.repeat(np.arange(octaves), waves)
    lengths = longest_km * 2.0**-octave * rng.uniform(0.75, 1.25, octave.size)
    directions = rng.uniform(0, 2 * np.pi, octave.size)
    amplitudes = roughness**octave
    return Texture(
        vectors=2 * np.pi / lengths[:, None] * np.column_stack([np.cos(directions), np.sin(directions)]),
        phases=rng.uniform(0, 2 * np.pi, octave.size),
        amplitudes=amplitudes * np.sqrt(2 / (amplitudes**2).sum()),
    )
