"""What a pretraining is: a model of its own, which those of the same convolutions begin with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from mineral_pipeline.modelling.networks import NETWORKS
from mineral_pipeline.modelling.spec import PRETRAINING, ModelSpec
from mineral_pipeline.settings import Hyperparameters

OF_CONVOLUTIONS = {"kernel", "stride", "padding", "pooling", "final_size", "activation", "initialiser"}
"""Hyperparameters that decide what the convolutions are."""


def pretraining_spec(spec: ModelSpec) -> ModelSpec | None:
    """The pretraining in whose convolutions a network begins; None where there is none.

    It is the same for all networks with the same convolutions, whatever their dense layers and seeds, but not for
    other samples, whose test ground is elsewhere.
    """
    plan = spec.pretraining
    if plan is None or spec.network is None or spec.kind == PRETRAINING:
        return None
    convolution = NETWORKS[spec.network].convolution
    alike = next(
        (one.name for one in NETWORKS.values() if convolution and one.convolution == convolution), spec.network
    )
    values = Hyperparameters.model_validate(
        {
            **spec.hyperparameters.model_dump(include=OF_CONVOLUTIONS),
            "learning_rate": plan.learning_rate,
            "schedule": "cosine",
            "warm_up": 1,
        }
    )
    kind = hashlib.sha256(f"{values.model_dump_json()} {spec.normalisation}".encode()).hexdigest()[:8]
    return replace(
        spec,
        name=f"{PRETRAINING}-{convolution or spec.network}-{kind}",
        kind=PRETRAINING,
        network=alike,
        hyperparameters=values,
        seed=plan.seed,
        epochs=plan.epochs,
        patience=plan.epochs,
        loss="mae",
        permutation=None,
    )


def pretraining_specs(specs: Iterable[ModelSpec]) -> list[ModelSpec]:
    """The pretrainings of some models, each once."""
    found = [one for spec in specs if (one := pretraining_spec(spec))]
    return list({one.path: one for one in found}.values())
