"""Hyperparameters of networks, and what they learn before they learn from labels: parts of section ``train``."""

from __future__ import annotations

from functools import partial
from operator import eq
from typing import Literal

from pydantic import Field

from mineral_pipeline.settings.fields import HALF_EARTH_KM, OpenFraction, PositiveInt, is_off
from mineral_pipeline.settings.section import Section

Normalisation = Literal["batch", "group", "layer", "none"]
Pooling = Literal["maximum", "average"]
GlobalPooling = Literal["none", "average", "maximum", "both"]
Initialiser = Literal["he_uniform", "he_normal", "glorot_uniform", "glorot_normal"]

FINAL_SIZE = 8
"""Largest width of the last feature map of the study's networks."""

RANKING_KM = 500.0
"""Length of the kernel of ``ranking`` unless another is given: the first distance of ``evaluate.local_km``."""


class Hyperparameters(Section):
    """Hyperparameters of a network and its optimiser; a search varies them."""

    learning_rate: float = Field(1e-3, gt=0)
    """Adam learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Course of the learning rate: ``constant``, or half a period of a ``cosine`` that ends at 0 after ``epochs``."""
    warm_up: int = Field(0, ge=0)
    """Epochs, the first, in which the learning rate grows linearly from 0."""
    weight_decay: float = Field(0.0, ge=0)
    """Decay of the weights, not of biases, beside the gradient: above 0 Adam becomes AdamW."""
    weight_averaging: float = Field(0.0, ge=0, lt=1, exclude_if=is_off)
    """Momentum of an exponential moving average of the weights, per step: the averaged weights are validated, kept and
    saved. At 0 there is none; at 0.98 it reaches back some 50 steps."""
    augmentation: bool = False
    """Whether training images are mirrored and turned by quarters, each at random in each epoch."""
    global_pooling: GlobalPooling = "none"
    """What the dense layers see of each feature map of the convolutions: all of its pixels, or only their average,
    their maximum, or both."""
    statistics: bool = Field(False, exclude_if=is_off)
    """Whether the dense layers also see the statistics of the pixels that the baseline ``statistics`` learns from,
    standardised with their mean and deviation over training images."""
    ranking: float = Field(0.0, ge=0, exclude_if=is_off)
    """Weight of a pairwise ranking loss beside the loss: each two samples of a batch whose labels differ are to be
    predicted in the order of their labels, and count the more the nearer they are. At 0 there is none; above 0 the
    batches are made of neighbourhoods."""
    ranking_km: float = Field(RANKING_KM, gt=0, le=HALF_EARTH_KM, exclude_if=partial(eq, RANKING_KM))
    """Standard deviation, in kilometres, of the Gaussian kernel by which pairs of ``ranking`` count."""
    detrending_km: float = Field(0.0, ge=0, le=HALF_EARTH_KM, exclude_if=is_off)
    """Standard deviation, in kilometres, of the Gaussian kernel by whose mean over the other locations of its subset a
    label of richness is lowered, and raised by the mean of all: a network then learns by how much a place is richer
    than those around it. At 0 it learns richness itself, as it learns presence in any case."""
    conv_l1: float = Field(0.0, ge=0)
    """L1 penalty of the convolutions."""
    conv_l2: float = Field(1e-4, ge=0)
    """L2 penalty of the convolutions."""
    dense_l1: float = Field(0.0, ge=0)
    """L1 penalty of the dense layers."""
    dense_l2: float = Field(1e-4, ge=0)
    """L2 penalty of the dense layers."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Fraction of neurons dropped between the convolutions and the dense layers."""
    kernel: PositiveInt = 3
    """Edge length of the convolution kernels in pixels."""
    stride: PositiveInt = 1
    """Step of the convolution kernels in pixels."""
    padding: Literal["same", "valid"] = "same"
    """Whether convolutions go on beyond the edge of an image, where all is 0 (``same``), or stay inside (``valid``)."""
    pooling: Pooling = "maximum"
    """What is kept of the pixels of a pooling window."""
    final_size: PositiveInt = Field(FINAL_SIZE, exclude_if=partial(eq, FINAL_SIZE))
    """Largest width of the last feature map in pixels, for which pooling windows are as wide as they must be. Larger
    maps keep small things, and cost time and memory by the square; dense layers then see their ``global_pooling``."""
    activation: Literal["relu", "elu", "leaky_relu", "gelu", "tanh"] = "relu"
    """Activation of the convolutions and of the hidden dense layers."""
    initialiser: Initialiser = "he_uniform"
    """Distribution of the initial weights."""


class Pretraining(Section):
    """A masked autoencoder: the convolutions learn to tell the pixels of hidden squares from those around them.

    It learns from all chips of the workspace, with and without known deposits, and sees no label.
    """

    epochs: int = Field(100, gt=0)
    """Number of epochs."""
    masked_fraction: OpenFraction = 0.6
    """Fraction of the squares of an image that are hidden."""
    square: PositiveInt = 8
    """Edge length of a square in pixels."""
    learning_rate: float = Field(1e-3, gt=0)
    """Adam learning rate, which grows during the first epoch and falls to 0 by a cosine."""
    test_ground: bool = False
    """Whether chips that may show ground of the test subset are learnt too: their pixels, not their labels."""
