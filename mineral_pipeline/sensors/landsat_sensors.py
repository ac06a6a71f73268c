"""The sensors of Landsat 1 to 9, with the bands and data types of Level-1 products.

Wavelengths are those of USGS, https://www.usgs.gov/faqs/what-are-band-designations-landsat-satellites; that of the
Thematic Mapper's band 7 is the study's. Common names are those of USGS's own STAC items of Collection 2. Solar
irradiances are those of Chander, Markham and Helder 2009, tables 3 to 5; the metadata of OLI make them unnecessary.
"""

from __future__ import annotations

from dataclasses import replace

from mineral_pipeline.sensors.sensor import Band, Sensor, register

MSS = (
    Band("B1", "green", (0.5, 0.6)),
    Band("B2", "red", (0.6, 0.7)),
    Band("B3", "nir08", (0.7, 0.8)),
    Band("B4", "nir09", (0.8, 1.1)),
)
EARLY_MSS = tuple(Band(f"B{number}", band.common_name, band.wavelength_um) for number, band in enumerate(MSS, start=4))
"""Landsat 1 to 3 number the bands 4 to 7."""

TM = (
    Band("B1", "blue", (0.45, 0.52)),
    Band("B2", "green", (0.52, 0.60)),
    Band("B3", "red", (0.63, 0.69)),
    Band("B4", "nir08", (0.76, 0.90)),
    Band("B5", "swir16", (1.55, 1.75)),
    Band("B6", "lwir", (10.40, 12.50)),
    Band("B7", "swir22", (2.09, 2.35)),
)
ETM = (
    *TM[:3],
    Band("B4", "nir08", (0.77, 0.90)),
    TM[4],
    Band("B6_VCID_1", "lwir", (10.40, 12.50)),
    Band("B6_VCID_2", "lwir", (10.40, 12.50)),
    TM[6],
    Band("B8", "pan", (0.52, 0.90)),
)
"""Band 6 comes as two files: VCID 1 has low gain, VCID 2 high gain."""

OLI = (
    Band("B1", "coastal", (0.43, 0.45)),
    Band("B2", "blue", (0.45, 0.51)),
    Band("B3", "green", (0.53, 0.59)),
    Band("B4", "red", (0.64, 0.67)),
    Band("B5", "nir08", (0.85, 0.88)),
    Band("B6", "swir16", (1.57, 1.65)),
    Band("B7", "swir22", (2.11, 2.29)),
    Band("B8", "pan", (0.50, 0.68)),
    Band("B9", "cirrus", (1.36, 1.38)),
)
TIRS = (Band("B10", "lwir11", (10.60, 11.19)), Band("B11", "lwir12", (11.50, 12.51)))


def _lit(bands: tuple[Band, ...], *irradiances: float) -> tuple[Band, ...]:
    """Bands with the solar irradiance of each that is reflective, in W/(m2 um)."""
    remaining = iter(irradiances)
    return tuple(replace(band, irradiance=next(remaining)) if band.is_reflective else band for band in bands)


for sensor in (
    Sensor("LM01", "LANDSAT_1", "MSS", _lit(EARLY_MSS, 1823, 1559, 1276, 880.1), wrs=1),
    Sensor("LM02", "LANDSAT_2", "MSS", _lit(EARLY_MSS, 1829, 1539, 1268, 886.6), wrs=1),
    Sensor("LM03", "LANDSAT_3", "MSS", _lit(EARLY_MSS, 1839, 1555, 1291, 887.9), wrs=1),
    Sensor("LM04", "LANDSAT_4", "MSS", _lit(MSS, 1827, 1569, 1260, 866.4)),
    Sensor("LM05", "LANDSAT_5", "MSS", _lit(MSS, 1824, 1570, 1249, 853.4)),
    Sensor("LT04", "LANDSAT_4", "TM", _lit(TM, 1983, 1795, 1539, 1028, 219.8, 83.49)),
    Sensor("LT05", "LANDSAT_5", "TM", _lit(TM, 1983, 1796, 1536, 1031, 220.0, 83.44)),
    Sensor("LE07", "LANDSAT_7", "ETM", _lit(ETM, 1997, 1812, 1533, 1039, 230.8, 84.90, 1362)),
    Sensor("LC08", "LANDSAT_8", "OLI_TIRS", OLI + TIRS, "uint16"),
    Sensor("LC09", "LANDSAT_9", "OLI_TIRS", OLI + TIRS, "uint16"),
    Sensor("LO08", "LANDSAT_8", "OLI", OLI, "uint16"),
    Sensor("LO09", "LANDSAT_9", "OLI", OLI, "uint16"),
    Sensor("LT08", "LANDSAT_8", "TIRS", TIRS, "uint16"),
    Sensor("LT09", "LANDSAT_9", "TIRS", TIRS, "uint16"),
):
    register(sensor)
