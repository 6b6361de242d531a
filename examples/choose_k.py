"""How many kinds of penguins the measurements show, and what they are like.

Needs pandas, and matplotlib for choosing_k.png, which it writes into the current folder.
"""

from pathlib import Path

import pandas as pd

from ckmeans import choose_k, diagnose, profile

MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]

penguins = pd.read_csv(Path(__file__).with_name("penguins.csv"))[MEASURES].dropna()
scaled = (penguins - penguins.mean()) / penguins.std()

result = choose_k(scaled, range(1, 9), random_state=0)
print(result)

model = result.models[3]  # the next best: the three species
print("\nWith k = 3:", diagnose(scaled, model, random_state=0), sep="\n")
print("\nIn millimetres and grams:", profile(penguins, model.labels_), sep="\n")

result.plot()[0].figure.savefig("choosing_k.png", dpi=100)
