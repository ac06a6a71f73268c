"""What predictions of presence and of richness mean together: an expected number of deposits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mineral_pipeline.evaluation.expected_number import NumberGivenOne
from mineral_pipeline.evaluation.probability import Calibration, to_shares


@dataclass(frozen=True)
class Shares:
    """How common places with a deposit are."""

    balance: float
    """Their share, by weight, in the samples of the calibration."""
    true: float
    """Their share among all places of the training side, before the surplus of a class was left out."""


@dataclass(frozen=True)
class Conversion:
    """From what models of presence and richness predict to probabilities and numbers of deposits."""

    calibration: Calibration | None
    """Of presence; None where it is not learnt."""
    shares: Shares | None
    """Of presence; None where it is not learnt."""
    number: NumberGivenOne
    """Of richness; where that is not learnt, the mean number of the places with a deposit, whatever is given."""

    @property
    def facts(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        facts: dict[str, Any] = {"number": self.number.facts}
        if self.calibration and self.shares:
            shares = {"balance": self.shares.balance, "share": self.shares.true}
            facts["probability"] = {**self.calibration.facts, **shares}
        return facts

    def probability(self, presence: np.ndarray) -> np.ndarray:
        """Calibrated probability of at least one deposit at the true shares; nan where presence is not learnt."""
        if self.calibration is None or self.shares is None:
            return np.full(np.shape(presence), np.nan)
        return to_shares(self.calibration.apply(presence), self.shares.balance, self.shares.true)

    def expected(self, presence: np.ndarray, richness: np.ndarray) -> np.ndarray:
        """Expected number of deposits: of one given one where presence is not learnt."""
        given_one = self.number(richness)
        return given_one if self.calibration is None else self.probability(presence) * given_one
