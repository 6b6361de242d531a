"""Cluster penguins by their measures and see how well the clusters find the species."""

import csv
from pathlib import Path

import numpy as np

from ckmeans import KMeans

MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]

with open(Path(__file__).with_name("penguins.csv"), newline="") as file:
    penguins = [row for row in csv.DictReader(file) if all(row[name] != "NA" for name in MEASURES)]

measures = np.array([[float(row[name]) for name in MEASURES] for row in penguins])
species = np.array([row["species"] for row in penguins])

# Millimeters and grams count alike only after each column is divided by its own spread.
mean, spread = measures.mean(axis=0), measures.std(axis=0)
model = KMeans(n_clusters=3, n_init=10, random_state=0).fit((measures - mean) / spread)

print(f"{len(penguins)} penguins, inertia {model.inertia_:.1f}")
for cluster, center in enumerate(model.cluster_centers_ * spread + mean):
    names, counts = np.unique(species[model.labels_ == cluster], return_counts=True)
    members = ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
    print(f"cluster {cluster}: center {np.round(center, 1)}, {members}")
