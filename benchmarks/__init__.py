"""One runnable script per claim of speed, each printing a table and writing JSON.

The claims are of one core, so that libraries are held to one thread, before any of them is imported.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
