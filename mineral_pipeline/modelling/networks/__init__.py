"""The networks: the nine of the study, and further ones.

A new network is one new file here that calls `register` with a `Network`. Its models are trained when
``train.networks`` of the settings lists its name.
"""

from mineral_pipeline.modelling.networks.network import NETWORKS, Network, build_network, register
from mineral_pipeline.modelling.networks.study import study_network

NETWORKS.import_modules(__name__)

__all__ = ["NETWORKS", "Network", "build_network", "register", "study_network"]
