"""Turn rows into one HTML file that opens from disk and asks the network for nothing."""

import random
from pathlib import Path

from proving.report import KeyFigure, KeyFigures, Report, Section, Table, figure, spread_figure, write

generator = random.Random(7)
rows = [
    {"road": road, "fuel_l_per_100km": generator.gauss(mean, 0.4)}
    for road, mean in (("before", 9.0), ("after", 7.5))
    for _ in range(10)
]
page = Report(
    title="Fuel before and after",
    summary="Ten drives on each road.",
    sections=(
        Section("In short", (KeyFigures((KeyFigure("drives", "20"),)),)),
        Section(
            "All drives",
            (
                figure(spread_figure(rows, group="road", value="fuel_l_per_100km", value_label="fuel, l/100 km")),
                Table(("road", "fuel, l/100 km"), tuple((row["road"], row["fuel_l_per_100km"]) for row in rows)),
            ),
        ),
    ),
)
write(page, Path("fuel.html"))
print("wrote fuel.html")
