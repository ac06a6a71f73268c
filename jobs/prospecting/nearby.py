"""What known deposits nearby say of every place on land: alone where no model that sees pixels speaks, else with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from jobs.prospecting.ensembles import Features
from jobs.prospecting.scores import Spoken
from mineral_pipeline import curation, labelling, prospecting
from mineral_pipeline.errors import DataError
from mineral_pipeline.evaluation import Conversion, NumberGivenOne, Shares, fit_calibration
from mineral_pipeline.evaluation.probability import logit
from mineral_pipeline.learning import SubsetName
from mineral_pipeline.workspace import Workspace, artefacts

PROXIMITY = "proximity"
"""Kind of the voters for presence that are no model of the grid, and name of what speaks."""


@dataclass(frozen=True)
class Nearby:
    """Every place on land by the known deposits around it, and none of its own."""

    locations: pd.DataFrame
    """By ``location_id``: ``lon``, ``lat``, ``n_deposits``, and the ``probability`` of one at least."""
    features: pd.DataFrame
    """By ``location_id``: `prospecting.proximity_features`."""

    @property
    def n_rich(self) -> int:
        """Number of the places that hold a known deposit."""
        return int((self.locations["n_deposits"] > 0).sum())

    def predict(self, chips: gpd.GeoDataFrame) -> np.ndarray:
        """(1, chip) probabilities, as those of an ensemble of one."""
        return self.locations["probability"].reindex(chips["location_id"]).to_numpy()[None]

    def convert(self, number: NumberGivenOne) -> Conversion:
        """What the probabilities mean."""
        return self.calibrated(self.locations["probability"], number)

    def calibrated(self, probability: pd.Series, number: NumberGivenOne) -> Conversion:
        """What probabilities of all places mean, by ``location_id``: nobody has balanced their classes."""
        holds = self.locations["n_deposits"].reindex(probability.index).to_numpy() > 0
        calibration = fit_calibration(holds.astype(float), probability.to_numpy())
        return Conversion(calibration, Shares(float(holds.mean()), float(holds.mean())), number)

    def join(self, spoken: Sequence[Spoken]) -> list[Spoken]:
        """What models of presence say, out of fold, together with what is known nearby.

        The log-odds that a model gives are one more feature of a place, so that the records weigh its evidence. Members
        of an ensemble keep their own voices. The models of each fold are centred on its ground: where many places hold
        deposits, those that have learnt from the other folds expect few.

        Args:
            spoken: what the models of every fold say of its ground: together of every place.
        """
        odds, of_folds = [], []
        for one in spoken:
            of_chips = logit(one.conversion.probability(one.predictions["presence"]))
            of_places = pd.Series(one.of_locations(of_chips.mean(axis=0)), index=one.locations.index)
            odds.append(of_chips - of_places.mean())
            of_folds.append(of_places - of_places.mean())
        means = pd.concat(of_folds)
        evidence = np.column_stack([self.features.reindex(means.index), means])
        holds = self.locations["n_deposits"].reindex(means.index).to_numpy() > 0
        if not holds.any():  # those that do were in folds whose ensembles have collapsed
            return list(spoken)
        fitted = prospecting.fit_proximity(evidence, holds)
        joined = pd.Series(fitted(evidence), index=means.index)
        conversion = self.calibrated(joined, spoken[0].conversion.number)
        found = []
        for one, of_chips in zip(spoken, odds, strict=True):
            near = self.features.reindex(one.ground.chips["location_id"]).to_numpy()
            presence = np.stack([fitted(np.column_stack([near, member])) for member in of_chips])
            found.append(replace(one, predictions={**one.predictions, "presence": presence}, conversion=conversion))
        return found

    def see(self, workspace: Workspace, sample_set: str, chips: gpd.GeoDataFrame) -> Features:
        """The features of the samples of a set, and of some chips."""
        samples = workspace.read_table(artefacts.samples_table(sample_set), ["location_id", "subset"])

        def of_subset(subset: SubsetName) -> np.ndarray:
            keys = samples["location_id"][samples["subset"] == subset]
            return self.features.reindex(keys).dropna().to_numpy()

        seen = self.features.reindex(chips["location_id"]).to_numpy()
        return Features(of_subset("train"), of_subset("validation"), seen)


def look_around(workspace: Workspace, chips: gpd.GeoDataFrame, subject: str) -> Nearby:
    """Fit the probability of a deposit at every place by the known deposits around it.

    Args:
        workspace: the workspace.
        chips: chips as `jobs.prospecting.ground.chips_on_land` gives them.
        subject: the commodity, or nothing for all deposits.

    Raises:
        DataError: no place on land holds a known deposit.
    """
    outlines = curation.find_locations(chips, "outline")
    places = shapely.get_coordinates(curation.find_locations(chips).geometry)
    n_deposits = chips.groupby("location_id")["n_deposits"].max().loc[outlines["location_id"]]
    holds = (n_deposits > 0).to_numpy()
    if not holds.any():
        raise DataError("prospect: no place over land holds a known deposit: widen the settings' catalogue section")
    deposits = labelling.known_positions(workspace, subject)
    inside = labelling.membership(outlines, deposits, invalid="warn")
    features = prospecting.proximity_features(places, inside, deposits)
    probability = prospecting.fit_proximity(features, holds)(features)
    lon, lat = places.T
    locations = pd.DataFrame({"lon": lon, "lat": lat, "n_deposits": n_deposits, "probability": probability})
    return Nearby(locations, pd.DataFrame(features, index=n_deposits.index))
