"""The vocabulary of commodities: every spelling of real tables, groups, and what is unknown."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mineral_pipeline import labelling
from mineral_pipeline.errors import SettingsError
from mineral_pipeline.labelling import choose_groups
from mineral_pipeline.labelling.commodities import is_known, split_commodities, vocabulary

CLASSES = {"precious", "ferrous", "nonferrous", "energy", "industrial", "construction", "gemstones"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Zinc, Silver, Lead", ["Zinc", "Silver", "Lead"]),
        ("Cu, Au; ag", ["Copper", "Gold", "Silver"]),
        ("gold, GOLD ,Au", ["Gold"]),
        ("Barium-Barite,barite,Ba", ["Barium-Barite"]),
        ("Ree, pge, Osmiums", ["REE", "PGE", "Osmium"]),
        ("Lanthanum, neoymium, Yb, yttrium", ["REE"]),
        ("Sand and Gravel, Construction", ["Sand and Gravel"]),
        ("Sand And Gravel, Construc", ["Sand and Gravel"]),
        ("Stone, Crushed/Broken;sand  AND gravel", ["Stone", "Sand and Gravel"]),
        ("Limestone, General", ["Limestone"]),
        ("limestone (high calcium), dolostone (high magnesium)", ["Limestone", "Dolomite"]),
        ("Niobium (Columbium),,niobium,Cb", ["Niobium (Columbium)"]),
        ("Water, Free", ["Water"]),
        ("HAL, K, HAL  K", ["Halite", "Potassium"]),
        ("%Cu, g/t Pt, WO3, SnO2", ["Copper", "Platinum", "Tungsten", "Tin"]),
        ("copper, gold, pper, balt, zirnium", ["Copper", "Gold", "Cobalt", "Zirconium"]),
        ("magnesite(, )", ["Magnesite"]),
        ("Mica?, potenial monazite", ["Mica", "REE"]),
        ("lead and zinc, copper/gold, Nickel-Cobalt", ["Lead", "Zinc", "Copper", "Gold", "Nickel", "Cobalt"]),
        ("Nickel, Smelter, Iron, Pig Iron, Sulfur, Sulfuric Acid", ["Nickel", "Iron", "Sulfur"]),
        ("Gold, galena", ["Gold", "Galena"]),  # a mineral of a gold deposit makes no lead deposit
        ("unobtainium,  blue   clay", ["Unobtainium", "Blue Clay"]),
        (" , ", []),
    ],
)
def test_commodities_are_spelt_alike(text: str, names: list[str]) -> None:
    assert split_commodities(text) == names


@given(st.text(max_size=60))
def test_splitting_its_own_names_changes_nothing(text: str) -> None:
    once = split_commodities(text)
    assert len(set(once)) == len(once)
    assert all(name == name.strip() and "," not in name and ";" not in name for name in once)
    assert split_commodities(";".join(name for name in once if is_known(name))) == [n for n in once if is_known(n)]


@given(st.sampled_from(sorted(vocabulary().names)))
def test_case_and_punctuation_do_not_matter(spelling: str) -> None:
    assert split_commodities(spelling.upper().replace(" ", "-")) == split_commodities(spelling)


def test_every_commodity_belongs_to_one_class() -> None:
    groups, names = vocabulary().groups, set(vocabulary().names.values())
    classes = [groups[name] for name in CLASSES]
    assert sum(map(len, classes)) == len(frozenset().union(*classes)) == len(names)
    assert all(groups[name] <= names for name in groups)
    assert all(vocabulary().sources[name] for name in groups)


def test_no_spelling_means_two_things() -> None:
    """Were one listed under two names, the later would win in silence."""
    listed = yaml.safe_load(resources.files(labelling).joinpath("commodities.yaml").read_text())["classes"]
    spellings = [
        word.lower() for part in listed.values() for name, others in part["names"].items() for word in {name, *others}
    ]
    assert len(spellings) > 400
    assert len(set(spellings)) == len(spellings)


def test_groups_follow_what_they_name() -> None:
    groups = vocabulary().groups
    assert groups["precious"] >= {"Gold", "Silver", "Platinum", "PGE"}
    assert groups["base"] == {"Aluminum", "Copper", "Lead", "Nickel", "Tin", "Zinc"}
    assert groups["radioactive"] == {"Uranium", "Thorium", "Radium"}
    assert not groups["critical"] & {"Copper", "Gold", "Silver", "Uranium", "Rhenium"}  # the list of 2022
    # 50 entries, of which 14 lanthanides and yttrium (15) are one here, and PGE is added for its members
    assert len(groups["critical"]) == 50 - 15 + 1 + 1


def test_groups_are_chosen_by_name() -> None:
    assert choose_groups("all") == tuple(vocabulary().groups)
    assert choose_groups(["base", "precious", "base"]) == ("base", "precious")
    with pytest.raises(
        SettingsError, match=r"label\.groups: no commodity group 'noble': choose among precious, ferrous"
    ):
        choose_groups(["noble"])


def test_the_classes_agree_with_the_commodity_type_of_mrds(data: Path) -> None:
    """MRDS says of each record whether it is metallic (M) or not (N); ours was made without looking at that."""
    table = pd.read_csv(data / "deposits" / "mrds-complete-records.csv", dtype=str, na_filter=False)
    groups = vocabulary().groups
    metals = groups["precious"] | groups["ferrous"] | groups["nonferrous"] | groups["radioactive"]
    agree = total = 0
    for kind, text in table[["com_type", "commod1"]].itertuples(index=False):
        for name in split_commodities(text) if kind in ("M", "N") else ():
            total += 1
            agree += (name in metals) == (kind == "M")
    assert total > 3000
    assert agree > 0.985 * total


def test_the_vocabulary_knows_the_real_tables(data: Path) -> None:
    known = unknown = 0
    for file in ("mrds-partial.csv.gz", "other-sources.csv.gz"):
        texts = pd.read_csv(data / "deposits" / file, dtype=str, na_filter=False)["commodities"]
        for text, rows in texts.value_counts().items():
            flags = [is_known(name) for name in split_commodities(str(text))]
            known, unknown = known + rows * sum(flags), unknown + rows * (len(flags) - sum(flags))
    assert unknown < 0.04 * known
