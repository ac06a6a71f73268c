"""A network of your own in Keras on the training store of a workspace, and its predictions on a map of the chips.

    python docs/examples/own_network.py WORKSPACE MAP.png [EPOCHS]

Validation is for choices, such as the one of this network. The subset ``test`` is looked at once, at the end.
"""

import sys

import keras
import numpy as np
from matplotlib.figure import Figure

import mineral_pipeline as mp

workspace, epochs = mp.Workspace(sys.argv[1]), int((sys.argv[3:] or ["20"])[0])
subsets = train, validation = [mp.open_subset(workspace, "presence", name) for name in ("train", "validation")]
# (sample, y, x, band), all in memory; ``read`` takes any rows, so that they can also be read batch by batch
learnt, images = (np.moveaxis(subset.images.read(np.arange(len(subset))), 1, -1) for subset in subsets)

layers = keras.layers
network = keras.Sequential([
    layers.Rescaling(1 / train.images.scale.white), layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(2),
    layers.Conv2D(32, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid"),
])  # fmt: skip
network.compile("adam", "binary_crossentropy")
network.fit(learnt, train.label, sample_weight=train.weight, epochs=epochs, verbose=0)
predicted = network.predict(images, verbose=0)[:, 0]
print(f"{np.mean((predicted > 0.5) == validation.label):.0%} of {len(validation)} validation chips are right")

axes = (figure := Figure(figsize=(12, 6), layout="constrained")).add_subplot(xlabel="longitude", ylabel="latitude")
lon, lat = validation.table["lon"], validation.table["lat"]
for image, x, y in zip(images, lon, lat, strict=True):
    axes.imshow(image[..., 0], cmap="gray", extent=(x - 2, x + 2, y - 2, y + 2))
dots = axes.scatter(lon, lat, c=predicted, vmin=0, vmax=1, zorder=2)
axes.set(xlim=(-180, 180), ylim=(-90, 90))
figure.colorbar(dots, label="predicted probability of a deposit")
figure.savefig(sys.argv[2])
