"""A pairwise ranking loss of near samples beside a network's loss. Imports Keras: for workers.

It is RankNet's (C. Burges et al., Learning to rank using gradient descent, ICML 2005): the cross-entropy of the order
of two samples, whose probability is the sigmoid of the difference of their logits. Local metrics ask for that order.
"""

from __future__ import annotations

from typing import Any

from mineral_pipeline.geometry import EARTH_RADIUS_KM
from mineral_pipeline.geometry.neighbour_means import WIDEST
from mineral_pipeline.modelling.backend import keras


def label_alone(loss: str) -> Any:
    """A loss of Keras, (n,) from labels (n, 1) or those with positions (n, 4) and predictions (n, 1)."""
    of_labels = keras.losses.get(loss)
    return lambda label, prediction: of_labels(label[:, :1], prediction)


class RankedLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras is untyped
    """A loss of Keras plus a weight times the ranking loss, where labels come with positions; else the loss alone."""

    def __init__(self, loss: str, weight: float, length_km: float) -> None:
        """Add ``weight`` times `ranking_loss` with a kernel of ``length_km`` to the loss of a name."""
        super().__init__(name="with_ranking")
        self._loss, self._weight, self._length_km = label_alone(loss), weight, length_km

    def call(self, label: Any, prediction: Any) -> Any:
        """(n,) loss of each sample."""
        return self._loss(label, prediction)

    def __call__(self, label: Any, prediction: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch: from labels (n, 1) or (n, 4), predictions (n, 1) in 0..1 and weights (n,)."""
        loss = super().__call__(label, prediction, sample_weight)
        if label.shape[1] == 1:
            return loss
        if sample_weight is None:
            sample_weight = keras.ops.ones_like(prediction[:, 0])
        position = label[:, 1:]
        return loss + self._weight * ranking_loss(
            label[:, 0], prediction[:, 0], sample_weight, position, self._length_km
        )


def ranking_loss(label: Any, prediction: Any, weight: Any, position: Any, length_km: float) -> Any:
    """Mean of -ln sigmoid(logit - lower logit) over all pairs of a sample and one with a lower label.

    A pair counts by the weights of both, as in the local metrics, and by a Gaussian kernel of its great-circle
    distance; beyond `WIDEST` standard deviations it does not. Tensors are of float32.

    Args:
        label: (n,) labels.
        prediction: (n,) in 0..1.
        weight: (n,) how much each sample counts.
        position: (n, 3) positions on the unit sphere.
        length_km: standard deviation of the kernel in kilometres.

    Returns:
        A scalar; 0 without a pair that counts.
    """
    ops = keras.ops
    # as Keras' cross-entropy does: what a sigmoid has rounded to 0 or 1 has no logit
    share = ops.clip(prediction, keras.config.epsilon(), 1 - keras.config.epsilon())
    logit = ops.log(share) - ops.log(1 - share)
    chord = ops.norm(position[:, None] - position[None], axis=-1)
    widths = 2 * EARTH_RADIUS_KM / length_km * ops.arcsin(ops.minimum(chord / 2, 1.0))
    counts = (label[:, None] > label[None]) & (widths <= WIDEST)
    kernel = ops.where(counts, ops.exp(-0.5 * widths**2) * weight[:, None] * weight[None], 0.0)
    total = ops.sum(kernel * ops.softplus(logit[None] - logit[:, None]))
    return ops.divide_no_nan(total, ops.sum(kernel))
