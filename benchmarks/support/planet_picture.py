"""Draws scenes of a simulated planet beside their truth."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from pyproj import Transformer

from mineral_pipeline import simulation
from mineral_pipeline.geometry import Floats
from mineral_pipeline.settings import Simulate
from mineral_pipeline.simulation import Planet, truth
from mineral_pipeline.simulation.render import render
from mineral_pipeline.simulation.scene import SimulatedScene

SETTINGS = Simulate(locations=160, islands=2, dates=1, scene_size=512)
"""The planet of the picture: the default signal, confounding and difficulty."""

KINDS = (
    (BOTH := "deposits known, and more of them not"),
    (HIDDEN := "none known: undiscovered"),
    (NONE := "no deposit"),
)
"""What the three scenes show."""

KNOWN, UNDISCOVERED, ALTERED = "#d7301f", "#2b83ba", "#8a5a00"
DECOY_COLOURS = ("#3b6ea5", "#b9b29a", "#5b4636")
DECOY_NAMES = ("lake", "dry lake bed", "burnt ground")


def draw(file: Path, seed: int = 0) -> None:
    """Write the picture of three scenes: as the sensor sees them, and what is there."""
    planet = simulation.create(SETTINGS, seed)
    chosen = choose(truth.locations(planet))
    by_location = {id(scene.location): scene for scene in simulation.scenes(planet)}
    figure, panels = plt.subplots(2, len(KINDS), figsize=(11, 7.6), layout="constrained")
    for (above, below), kind in zip(panels.T, KINDS, strict=True):
        _draw_scene(above, below, planet, by_location[id(planet.locations[chosen[kind]])])
        above.set_title(kind, fontsize=10)
    handles = {
        label: handle for axes in panels[1] for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(file, dpi=90, metadata={"Software": None})
    plt.close(figure)


def choose(locations: pd.DataFrame) -> dict[str, int]:
    """Number of one location on land of each of `KINDS`, in ``truth.parquet``."""
    land = locations[locations["on_land"] & (locations["land_fraction"] > 0.95)]
    unknown = land[land["n_known"] == 0]
    return {
        BOTH: _largest(land[["n_known", "n_undiscovered"]].min(axis=1)),
        HIDDEN: _largest(unknown["n_undiscovered"]),
        NONE: _largest(unknown["n_patches"][unknown["n_undiscovered"] == 0]),
    }


def _largest(values: pd.Series) -> int:
    """Label of the first of the largest values."""
    return int(values.index.to_numpy()[values.argmax()])


def _draw_scene(above: Axes, below: Axes, planet: Planet, scene: SimulatedScene) -> None:
    image = render(planet, scene)
    seen = image[image > 0]
    shown = np.ma.masked_equal(image, 0)
    above.imshow(shown, cmap="gray", vmin=np.quantile(seen, 0.01), vmax=np.quantile(seen, 0.99))
    below.imshow(shown, cmap="gray", vmin=0, vmax=255, alpha=0.18)
    _draw_truth(below, planet, scene)
    for axes in (above, below):
        axes.set(xlim=(0, image.shape[1]), ylim=(image.shape[0], 0), xticks=[], yticks=[])
    above.set_xlabel(f"path {scene.location.swath.path}, row {scene.location.swath.row}, {scene.cloud_cover} % clouds")
    below.set_xlabel(f"{image.shape[1] * scene.pixel_m / 1000:.0f} km wide", fontsize=9)


def _draw_truth(axes: Axes, planet: Planet, scene: SimulatedScene) -> None:
    swath, patches, decoys = scene.location.swath, planet.patches, planet.decoys
    near = planet.patches_near(swath)
    radius = patches.radius_km[near] * 1000 / scene.pixel_m
    for (x, y), size, strength in zip(
        _pixels(scene, patches.lonlat[near]), radius, patches.strength[near], strict=True
    ):
        axes.add_patch(Circle((x, y), size, color=ALTERED, alpha=0.25 + 0.6 * strength, label="altered rock"))
    near = planet.decoys_near(swath)
    near = near[decoys.is_there(scene.overflight.day.toordinal())[near]]
    for (x, y), number in zip(_pixels(scene, decoys.lonlat[near]), near, strict=True):
        size, kind = decoys.radius_km[number] * 1000 / scene.pixel_m, decoys.kind[number]
        colour = DECOY_COLOURS[kind]
        axes.add_patch(Circle((x, y), size, fill=False, ec=colour, lw=1.5, label=DECOY_NAMES[kind]))
    found = planet.deposits
    inside = swath.contains(found.lonlat)
    for known, colour, label in ((False, UNDISCOVERED, "undiscovered deposit"), (True, KNOWN, "known deposit")):
        x, y = _pixels(scene, found.lonlat[inside & (found.is_known == known)]).T
        axes.scatter(x, y, s=14, color=colour, edgecolors="white", linewidths=0.4, label=label, zorder=3)


def _pixels(scene: SimulatedScene, lonlat: Floats) -> Floats:
    """(n, 2) column and row of (n, 2) lon/lat."""
    projected = Transformer.from_crs(4326, scene.grid.epsg, always_xy=True).transform(*lonlat.T)
    return np.stack(~scene.grid.transform @ np.stack(projected), axis=-1) if len(lonlat) else np.empty((0, 2))
