"""A network of your own in PyTorch on the training store of a workspace.

    python docs/examples/own_network_torch.py WORKSPACE [EPOCHS]

Images are read batch by batch, the batches in a random order.
"""

import sys

import numpy as np
import torch

import mineral_pipeline as mp

workspace, epochs = mp.Workspace(sys.argv[1]), int((sys.argv[2:] or ["20"])[0])
train, validation = (mp.open_subset(workspace, "presence", subset) for subset in ("train", "validation"))
network = torch.nn.Sequential(
    torch.nn.LazyConv2d(16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.LazyConv2d(32, 3), torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.LazyLinear(1), torch.nn.Flatten(0),
)  # fmt: skip


def batch(subset: mp.Subset, rows: np.ndarray) -> tuple[torch.Tensor, ...]:  # images (sample, band, y, x), labels, ...
    images = torch.from_numpy(subset.images.read(rows).astype("float32") / subset.images.scale.white)
    return images, torch.from_numpy(subset.label[rows]), torch.from_numpy(subset.weight[rows])


network(batch(train, np.arange(1))[0])  # lazy layers take their sizes from the first image
optimiser, rng = torch.optim.Adam(network.parameters(), 1e-3), np.random.default_rng(0)
for _ in range(epochs):
    for first in rng.permutation(np.arange(0, len(train), 16)):
        images, label, weight = batch(train, np.arange(first, min(first + 16, len(train))))
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(images), label, weight).backward()
        optimiser.step()
with torch.no_grad():
    images, label, _ = batch(validation, np.arange(len(validation)))
print(f"{((network(images) > 0) == (label > 0.5)).float().mean():.0%} of {len(validation)} validation chips are right")
