"""Figures hold what they should: the data of their axes, not just no error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import small_world as world
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from pyproj import Transformer

from mineral_pipeline.evaluation.metrics import measure
from mineral_pipeline.learning import TASKS, Task
from mineral_pipeline.reporting import (
    Evaluation,
    comparison_figures,
    label_figures,
    maps,
    prediction_figures,
    scene_figures,
    style,
)


def polygons(figure: Figure) -> list[np.ndarray]:
    """Vertices of all footprints drawn, each of them three times, 360 degrees apart."""
    found = [item for item in figure.axes[0].collections if isinstance(item, PolyCollection)]
    return [path.vertices for collection in found for path in collection.get_paths()]


def test_the_example_shows_image_outline_and_deposits() -> None:
    example = world.example()
    (axes,) = scene_figures.example_figure(example).axes
    assert axes.images[0].get_array().shape == (40, 50)
    outline = axes.lines[0].get_xydata()
    assert np.array_equal(outline[:4], example.footprint)
    assert np.array_equal(outline[4], outline[0])  # closed
    assert np.array_equal(axes.collections[0].get_offsets(), example.deposits)


def test_fill_is_black_and_ground_never_is() -> None:
    image = np.array([[0, 1, 50], [0, 200, 255]], dtype="uint8")
    brightness = style.stretch(image)
    assert (brightness[:, 0] == 0).all()
    assert brightness[:, 1:].min() >= 0.05
    assert brightness.max() == 1.0
    assert not style.stretch(np.zeros((3, 3), "uint8")).any()
    assert style.stretch(np.array([[0, 60_000]], "uint16")).max() <= 1.0


def test_noise_of_one_level_is_no_contrast() -> None:
    noise = np.random.default_rng(0).integers(-1, 2, (40, 40))
    calm = style.stretch((100 + noise).astype("uint8"))
    assert np.ptp(calm) < 0.3
    assert np.ptp(style.stretch((10_000 + noise).astype("uint16"))) < 0.01
    assert np.ptp(style.stretch((100 + 20 * noise).astype("uint8"))) == pytest.approx(0.95)
    assert calm.mean() == pytest.approx(0.525, abs=0.02)  # grey, and not the black of fill


def test_every_method_is_shown_with_the_same_detail() -> None:
    figure = scene_figures.methods_figure(world.example())
    assert [axes.get_title(loc="left") for axes in figure.axes[:3]] == ["sampling", "rescale", "resize"]
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes[3:]}) == 1
    square = figure.axes[0].patches[0].get_bbox()
    assert (square.x0, square.x1) == figure.axes[3].get_xlim()
    assert (square.y1, square.y0) == figure.axes[3].get_ylim()


def test_positions_land_on_the_pixels_they_lie_in() -> None:
    # The centre of the pixel in column 4, row 2 of a raster of 30 m pixels is, at a third of its size, in pixel (1, 0).
    transform, crs = Affine(30, 0, 300_000, 0, -30, 6_200_000), "EPSG:32755"
    lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(300_000 + 4.5 * 30, 6_200_000 - 2.5 * 30)
    assert scene_figures.to_pixels(np.array([lonlat]), transform, crs, np.ones(2)) == pytest.approx(
        np.array([[4, 2]]), abs=1e-4
    )
    third = scene_figures.to_pixels(np.array([lonlat]), transform, crs, np.full(2, 1 / 3))
    assert np.round(third).tolist() == [[1, 0]]
    assert scene_figures.to_pixels(np.empty((0, 2)), transform, crs, np.ones(2)).shape == (0, 2)


def test_the_distribution_counts_every_positive_chip_once() -> None:
    table = world.labels()
    deposits, richness = label_figures.distribution_figure(table).axes
    positive = int((table["n_deposits"] > 0).sum())
    assert sum(bar.get_height() for bar in deposits.patches) == positive
    assert sum(bar.get_height() for bar in richness.patches) == positive
    assert f"{len(table) - positive} chips" in richness.texts[0].get_text()


def test_commodities_are_named_and_counted() -> None:
    table = world.labels()
    (axes,) = label_figures.commodities_figure(table).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    widths = [bar.get_width() for bar in axes.patches]
    assert dict(zip(names, widths, strict=True)) == {
        "rare earths": (table["n_rare_earths"] > 0).sum(),
        "gold": (table["n_gold"] > 0).sum(),
    }


def test_locations_across_the_antimeridian_are_drawn_at_both_edges_of_the_map() -> None:
    locations = gpd.GeoDataFrame(
        {"location_id": ["a", "b"], "n_deposits": [0, 3]},
        geometry=[world.footprint(179.8), world.footprint(-60)],
        crs="EPSG:4326",
    )
    figure = maps.locations_figure(locations, None)
    assert figure.axes[0].get_xlim() == (-180, 180)
    visible = [ring[:, 0] for ring in polygons(figure) if ring[:, 0].max() > -180 and ring[:, 0].min() < 180]
    crossing = sorted((ring.min(), ring.max()) for ring in visible)
    assert np.array(crossing) == pytest.approx(np.array([(-181.2, -179.2), (-61, -59), (178.8, 180.8)]))


def test_a_map_of_one_country_is_not_a_map_of_the_world() -> None:
    locations = gpd.GeoDataFrame({"n_deposits": [1]}, geometry=[world.footprint(147, -35)], crs="EPSG:4326")
    land = gpd.GeoDataFrame(
        geometry=[shapely.box(140, -40, 150, -30).difference(shapely.box(143, -36, 144, -34))], crs="EPSG:4326"
    )
    axes = maps.locations_figure(locations, land).axes[0]
    west, east = axes.get_xlim()
    assert 140 < west < 146
    assert 148 < east < 154
    assert axes.get_aspect() == pytest.approx(1 / np.cos(np.radians(35)))
    (outline,) = axes.collections[0].get_paths()
    assert len(outline.vertices) == 10  # a ring of five and its hole of five


def test_locations_and_subsets_are_counted_in_the_key() -> None:
    chips = world.samples()
    locations = chips.assign(subset=np.where(chips["chip_index"] < 4, "test", "train"))
    figure = maps.split_figure(locations, None)
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == [f"train {len(chips) - 4}", "test 4"]
    one = maps.by_location(chips.assign(location_id="one"), "n_deposits")
    assert one[["location_id", "n_deposits"]].to_numpy().tolist() == [["one", 23]]


def test_prospects_are_coloured_by_the_expected_number_and_the_first_ten_numbered() -> None:
    figure = maps.prospects_figure(world.prospects(), None, top=12)
    axes = figure.axes[0]
    assert sorted(int(text.get_text()) for text in axes.texts) == list(range(1, 11))
    colours = axes.collections[0].get_facecolors()
    lightness = colours[:, :3].sum(axis=1)
    assert (np.diff(lightness) <= 1e-9).all()  # drawn from the poorest, palest, to the richest, darkest
    assert len(axes.collections[3].get_paths()) == 12 + 0  # the outlined ones; none of them is cut in two


def lightness(colours: Any) -> np.ndarray:
    """Relative luminance (WCAG 2.1) of colours (..., red, green, blue, alpha)."""
    channels = np.asarray(colours, float)[..., :3]
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722])


WHOLE_SCALE = lightness(style.RICHNESS([0.0, 1.0])) @ [1, -1]
"""Contrast between the ends of the colour map."""


def shown_prospects(expected: np.ndarray, spread: float) -> Figure:
    return maps.prospects_figure(world.prospects().assign(expected_number=expected, spread=spread), None, top=12)


@pytest.mark.parametrize(
    ("spread", "uncertainty", "contrast"),
    [(0.004, 0.05, (0, 0.05)), (0.05, 0.05, (0.05, 0.5)), (0.0, 0.02, (0, 0)), (0.6, 0.05, (0.999, 1))],
)
def test_prospects_have_like_colours_when_their_ensemble_cannot_tell_them_apart(
    spread: float, uncertainty: float, contrast: tuple[float, float]
) -> None:
    figure = shown_prospects(0.2 + np.linspace(spread, 0, len(world.LONS)), uncertainty)
    light = lightness(figure.axes[0].collections[0].get_facecolors())
    assert contrast[0] <= np.ptp(light) / WHOLE_SCALE <= contrast[1] + 1e-9
    style.png(figure)
    assert figure.axes[1].xaxis.get_offset_text().get_text() == ""  # ticks are numbers, not 1e-9 + 0.43


def with_models(evaluation: Evaluation, *models: dict[str, Any], best: str | None = None) -> Evaluation:
    """An evaluation of these models only."""
    metrics = {**evaluation.metrics, "models": models, "best": best or evaluation.metrics["best"]}
    return replace(evaluation, metrics=metrics)


def test_the_heat_map_holds_means_over_seeds() -> None:
    found = world.evaluation()
    second = world.network("small-small-s1", "grid", "accuracy", 0.7, ("small", "small"))
    twice = with_models(found, *found.models, second)
    means = comparison_figures.architecture_means(twice.models, "accuracy")
    assert means[0, 0] == pytest.approx((0.6 + 0.7) / 2)
    assert means[2, 2] == pytest.approx(0.6 + 8 * 0.03)
    heat, _ = comparison_figures.grid_figure(twice).axes
    assert len(heat.texts) == 9
    assert np.isnan(comparison_figures.architecture_means([], "accuracy")).all()
    tuned = with_models(found, world.network("tuned", "tuned", "accuracy", 0.9), best="tuned")
    tuned_only, _ = comparison_figures.grid_figure(tuned).axes
    assert not tuned_only.texts


def grid_of(task: Task, values: Any, half: float | None) -> tuple[Axes, Axes]:
    """Heat map and dot plot of nine architectures with 95 % intervals of plus and minus ``half``, or none."""
    found = world.evaluation(task)
    models = []
    for model, value in zip(found.networks, values, strict=True):
        ends = {"low": None, "high": None} if half is None else {"low": value - half, "high": value + half}
        models.append({**model, "metrics": {found.metric: {"value": float(value), **ends}}})
    heat, dots = comparison_figures.grid_figure(with_models(found, *models)).axes
    return heat, dots


def cell_lightness(heat: Axes) -> np.ndarray:
    """Lightness of the nine cells as they are drawn."""
    (image,) = heat.images
    return lightness(image.to_rgba(image.get_array()))


ONE_CHIP_OF_88 = np.array([64, 65, 64, 64, 65, 65, 64, 65, 64]) / 88


@pytest.mark.parametrize(
    ("task", "values", "half"),
    [
        ("presence", ONE_CHIP_OF_88, 1.96 * (64 / 88 * 24 / 88 / 88) ** 0.5),
        ("presence", ONE_CHIP_OF_88, 0.0),  # a bootstrap of one location tells nothing of chance
        ("presence", ONE_CHIP_OF_88, None),
        ("presence", np.full(9, 64 / 88), 0.1),
        ("presence", np.full(9, 1.0), 0.0),
        ("richness", 0.117 + np.arange(9) * 1e-4, 0.012),
        ("richness", 0.117 + np.arange(9) * 1e-5, 1e-6),  # below what is written
    ],
)
def test_architectures_that_differ_by_chance_have_like_colours(task: Task, values: Any, half: float | None) -> None:
    heat, _ = grid_of(task, values, half)
    assert np.ptp(cell_lightness(heat)) < 0.12 * WHOLE_SCALE


@pytest.mark.parametrize(("task", "worst", "best"), [("presence", 0.5, 0.9), ("richness", 0.2, 0.09)])
def test_architectures_that_differ_span_the_whole_scale_and_darker_is_better(
    task: Task, worst: float, best: float
) -> None:
    heat, _ = grid_of(task, np.linspace(worst, best, 9), abs(best - worst) / 4)
    light = cell_lightness(heat).ravel()
    assert light[0] - light[-1] == pytest.approx(WHOLE_SCALE)
    assert (np.diff(light) < 0).all()
    for cell, text in zip(light, heat.texts, strict=True):
        ink = float(lightness(to_rgba(text.get_color())))
        assert (max(cell, ink) + 0.05) / (min(cell, ink) + 0.05) > 3, text.get_text()  # WCAG 2.1, large text


def test_the_axis_of_the_dot_plot_is_no_narrower_than_a_colour_scale() -> None:
    for values, half, least in ((ONE_CHIP_OF_88, 0.0, 1.0), (0.73 + np.arange(9) / 1e4, 0.001, 0.01)):
        _, dots = grid_of("presence", values, half)
        assert np.ptp(dots.get_xlim()) >= least
        dots.figure.canvas.draw()
        ticks = [text.get_text() for text in dots.get_xticklabels()]
        assert len(set(ticks)) == len(ticks) > 2


@pytest.mark.parametrize(
    ("values", "intervals", "limits"),
    [
        ([0.5, 0.9], [0.1, 0.1], (0.5, 0.9)),  # the values differ by more than chance
        ([0.70, 0.71], [0.2, 0.2], (0.605, 0.805)),  # widened on both sides
        ([0.70, np.nan], [0.2, np.nan], (0.6, 0.8)),
        ([0.5, 0.5], [0.1, 0.7], (0.25, 0.75)),  # 0.5 = sqrt((0.01 + 0.49) / 2)
        ([0.02, 0.03], 0.2, (0.0, 0.2)),  # no part of the scale for what cannot be
        ([0.99, 1.0], 0.2, (0.8, 1.0)),
        ([0.4, 0.4], 1e-9, (0.395, 0.405)),
        ([0.4, 0.5], [0.0, 0.0], (0.0, 1.0)),
        ([0.4, 0.5], [], (0.0, 1.0)),
        ([0.4, 0.5], [np.nan], (0.0, 1.0)),
        ([np.nan], [0.1], (0.0, 1.0)),
    ],
)
def test_limits_of_a_scale(values: list[float], intervals: Any, limits: tuple[float, float]) -> None:
    assert style.scale_limits(np.array(values), intervals) == pytest.approx(limits)


def test_models_that_are_equally_good_rarely_span_the_scale() -> None:
    """Of 500 grids of nine equal models that answer half of the 88 chips alike, hardly one is shown from end to end."""
    rng = np.random.default_rng(0)
    own, shared = rng.random((500, 9, 88)) < 0.7, rng.random((500, 1, 88)) < 0.7
    scores = np.where(rng.random((500, 1, 88)) < 0.5, shared, own).mean(axis=2)
    widths = 2 * 1.96 * np.sqrt(scores * (1 - scores) / 88)
    ends = np.array([style.scale_limits(*pair) for pair in zip(scores, widths, strict=True)])
    contrast = np.ptp(scores, axis=1) / np.ptp(ends, axis=1)
    assert np.median(contrast) < 0.6
    assert (contrast > 0.999).mean() < 0.02


@pytest.mark.parametrize("task", TASKS)
def test_the_dot_plot_holds_every_model_best_first_and_baselines_last(task: Task) -> None:
    found = world.evaluation(task)
    _, dots = comparison_figures.grid_figure(found).axes
    names = [label.get_text() for label in dots.get_yticklabels()][::-1]
    assert names[0] == "big-big-s0"  # the best of the grid in either direction
    assert names[-3:] == ["random labels", "constant", "brightness only"]
    points = [line for line in dots.lines if line.get_marker() == "o"]
    assert len(points) == len(found.models)
    intervals = [line.get_xdata() for line in dots.lines if line.get_marker() == "None" and len(line.get_xdata()) == 2]
    assert any(np.allclose(interval, [0.45, 0.55]) for interval in intervals)
    assert dots.get_title(loc="left") == "with 95 % intervals over 37 blocks"


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_ranks_the_better_model_first(task: Task) -> None:
    label = np.array([0.0, 0.0, 1.0, 1.0]) if task == "presence" else np.array([0.1, 0.3, 0.6, 0.9])
    good, bad = measure(task, label, label), measure(task, label, 1 - label)
    assert {"accuracy", "brier"} <= set(good) or {"mae", "rmse"} <= set(good)
    for metric in good:
        models = [world.network(name, "grid", metric, values[metric]) for name, values in (("a", bad), ("b", good))]
        rows = comparison_figures.compare(with_models(world.evaluation(task), *models), metric)
        assert [row.label for row in rows] == ["b", "a"], metric


@pytest.mark.parametrize("task", TASKS)
def test_a_baseline_that_reporting_has_never_heard_of_is_in_every_figure(task: Task) -> None:
    found = world.evaluation(task)
    toy = world.baseline("toy", "toy", "coordinates only", found.metric, 0.58)
    rng = np.random.default_rng(3)
    extra = found.predictions[found.predictions["name"] == "constant"].assign(name="toy", prediction=rng.random(40))
    both = replace(with_models(found, *found.models, toy), predictions=pd.concat([found.predictions, extra]))
    _, dots = comparison_figures.grid_figure(both).axes
    assert "coordinates only" in [label.get_text() for label in dots.get_yticklabels()]
    draw = prediction_figures.curves_figure if task == "presence" else prediction_figures.agreement_figure
    figure = draw(both)
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    texts = [text.get_text() for legend in legends for text in legend.get_texts()]
    assert any(text.startswith("coordinates only") for text in texts)


def test_curves_and_calibration() -> None:
    found = world.evaluation()
    roc, calibration = prediction_figures.curves_figure(found).axes
    labels = [line.get_label() for line in roc.lines]
    assert any(label.startswith("big-big-s0, area 0.") for label in labels)
    assert any(label.startswith("brightness only, area") for label in labels)
    means, shares, counts = prediction_figures.calibration_bins(
        np.array([0, 0, 1, 1.0] * 10), np.tile([0.1, 0.2, 0.8, 0.9], 10)
    )
    assert counts.sum() == 40
    assert means[0] == pytest.approx(0.1)
    assert shares.tolist() == pytest.approx([0] * 4 + [1] * 4)
    assert len(calibration.containers) == 1


def test_agreement_shows_every_chip_of_the_best_model() -> None:
    scatter, errors = prediction_figures.agreement_figure(world.evaluation("richness")).axes
    assert len(scatter.collections[0].get_offsets()) == 40
    assert sum(bar.get_height() for bar in errors.containers[-1]) == 40


def test_one_class_only_still_draws() -> None:
    found = world.evaluation()
    roc, _ = prediction_figures.curves_figure(replace(found, predictions=found.predictions.assign(label=1.0))).axes
    assert not [line for line in roc.lines if "area" in str(line.get_label())]


def test_png_is_reproducible_and_narrow_enough() -> None:
    first, second = (style.png(label_figures.distribution_figure(world.labels())) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert int.from_bytes(first[16:20]) <= 1400  # the width, in the header
