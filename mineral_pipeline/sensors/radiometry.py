"""Which scenes may share one array: those whose pixel values mean the same, for one scaling serves the whole array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mineral_pipeline.errors import SettingsError
from mineral_pipeline.sensors.sensor import SENSORS

LEVEL = slice(2)
"""The level of a product in its DATA_TYPE: ``L1`` of L1TP, L1GT and L1GS, which differ in geometry only."""


def check_radiometry(codes: Iterable[str], levels: Iterable[str], radiometry: str = "dn") -> None:
    """Refuse scenes that one scaling cannot serve: 8 bits beside 16, or surface reflectance beside digital numbers.

    Args:
        codes: code of the sensor of each scene, such as ``LT05``.
        levels: DATA_TYPE of each scene, such as ``L1TP``.
        radiometry: ``dn`` for digital numbers, ``reflectance`` where those of each scene are converted.

    Raises:
        SettingsError: the scenes are of Level 1 and Level 2, or of another than Level 1, or their sensors have several
            data types and their pixels stay digital numbers, or a sensor is not registered. The message counts the
            scenes of each and names the settings that keep one of them.
    """
    scenes = Counter(zip(codes, levels, strict=True))
    _check_levels(scenes)
    if radiometry == "dn":
        _check_data_types(scenes)


def describe_mixture(codes: Iterable[str]) -> str | None:
    """Say that the digital numbers of several sensors mean different radiances; None where there is one sensor.

    Args:
        codes: code of the sensor of each scene, such as ``LT05``.
    """
    scenes = Counter(codes)
    if len(scenes) < 2:
        return None
    counts = ", ".join(_count(code, number) for code, number in sorted(scenes.items()))
    return (
        f"the scenes are of several sensors, {counts}, whose digital numbers mean different radiances:"
        " acquire.radiometry: reflectance gives them one scale"
    )


def _check_levels(scenes: Mapping[tuple[str, str], int]) -> None:
    by_level: dict[str, Counter[str]] = {}
    for (code, level), count in sorted(scenes.items(), key=lambda item: item[0][1][LEVEL]):
        by_level.setdefault(level[LEVEL], Counter())[f"{code} {level}"] += count
    if len(by_level) > 1:
        kept = _list(sorted(level for _, level in scenes if level[LEVEL] == min(by_level)))
        raise SettingsError(
            f"the scenes are of several levels, digital numbers and surface reflectance, which in one array would be"
            f" scaled alike: {_describe(by_level)}: keep Level 1 by catalogue.levels: {kept}"
        )
    if not {"L1"}.issuperset(by_level):
        raise SettingsError(
            f"the scenes are of surface reflectance: {_describe(by_level)}: only Level 1 is read: get the same scenes"
            " as Level 1"
        )


def _check_data_types(scenes: Mapping[tuple[str, str], int]) -> None:
    by_type: dict[str, Counter[str]] = {}
    for (code, _), count in scenes.items():
        by_type.setdefault(SENSORS[code].dtype, Counter())[code] += count
    if len(by_type) > 1:
        ways = ", or ".join(_filters(codes) for codes in by_type.values())
        raise SettingsError(
            f"the scenes have pixels of several data types, which in one array would be scaled alike:"
            f" {_describe(by_type)}: convert them by acquire.radiometry: reflectance, or choose one by {ways}"
        )


def _describe(groups: Mapping[str, Mapping[str, int]]) -> str:
    """How many scenes of what each group holds."""
    counts = (
        (group, ", ".join(_count(name, number) for name, number in scenes.items())) for group, scenes in groups.items()
    )
    return "; ".join(f"{group} of {text}" for group, text in counts)


def _count(name: str, scenes: int) -> str:
    return f"{name} ({scenes:,} scene{'s' if scenes > 1 else ''})"


def _filters(codes: Iterable[str]) -> str:
    """The settings that keep only some sensors."""
    sensors = [SENSORS[code] for code in codes]
    spacecraft, instruments = [one.spacecraft for one in sensors], [one.instrument for one in sensors]
    return f"catalogue.spacecraft: {_list(spacecraft)} and catalogue.sensors: {_list(instruments)}"


def _list(names: Iterable[str]) -> str:
    """Distinct names as a list of a settings file."""
    return f"[{', '.join(dict.fromkeys(names))}]"
