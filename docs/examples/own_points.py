"""Which of your points lie in which of your footprints, and on land: any vector files, in any reference systems.

    python docs/examples/own_points.py FOOTPRINTS POINTS [LAND]

A table of points that is no vector file is read by ``mp.read_deposits([PATH]).table``, with its commodities.
"""

import sys

import geopandas as gpd
import numpy as np

import mineral_pipeline as mp

footprints, points = (gpd.read_file(path) for path in sys.argv[1:3])

inside = mp.membership(footprints, points)  # sparse: a row for each footprint, a column for each point
footprints["points"] = np.diff(inside.indptr)
print(footprints.drop(columns="geometry").to_string())
for row in range(len(footprints)):
    print(f"footprint {row} holds the points {inside.indices[inside.indptr[row] : inside.indptr[row + 1]].tolist()}")

weights = np.ones((len(points), 1), dtype=int)  # sums need no list of members: any numbers of each point can be added
assert (mp.sum_inside(footprints, points, weights)[:, 0] == footprints["points"]).all()

if len(sys.argv) > 3:
    on_land = mp.over_land(points, mp.read_land(sys.argv[3]))
    print(f"{on_land.sum()} of {len(points)} points lie on land")
