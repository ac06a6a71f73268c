"""How much ground, and how many deposits, the subsets of your own split share; and a split that shares none.

    python docs/examples/own_split.py FOOTPRINTS COLUMN [DEPOSITS]

FOOTPRINTS is any vector file of polygons, one for each image, and COLUMN names its subset, in any words: ``train``,
``Training``, ``held out``. DEPOSITS is any table of deposits (docs/deposits.md).
"""

import sys

import geopandas as gpd

import mineral_pipeline as mp

footprints, column = gpd.read_file(sys.argv[1]), sys.argv[2]
deposits = mp.read_deposits(sys.argv[3:]).table if len(sys.argv) > 3 else None

shared = mp.measure_split(footprints, column, deposits)
print(shared.round(3).to_string(index=False))

options = mp.SplitOptions("blocks", block_size_km=500)  # equal-area blocks, and what overlaps another subset is dropped
footprints["subset"] = mp.split_footprints(footprints, options)
print(footprints["subset"].value_counts().to_string())
assert (mp.measure_split(footprints)["area"] == 0).all()
