"""The short summary on the terminal at the end of a study."""

from pathlib import Path

from proving.corridor.effects import effects
from proving.corridor.run import Results
from proving.corridor.wording import case_name, effect_in_words


def print_summary(results: Results, page: Path) -> None:
    """Print what was set aside, what automation changes, what the tables learned, and where the report is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for item in (*results.bad, *results.damaged):
        console.print(Text(f"set aside  {item.name}: {item.reason}"))
    table = Table(box=None, pad_edge=False)
    for column in ("mean of all runs", "people", "automated", "change (range)"):
        table.add_column(column, justify="left" if column == "mean of all runs" else "right", no_wrap=True)
    drivers = ""
    for effect in effects(results.simulated_rows):
        if drivers != (drivers := case_name(effect.controller, effect.automated_share)):
            table.add_row(Text(drivers, style="bold"))
        means = (f"{effect.without:.2f}", f"{effect.with_it:.2f}")
        table.add_row(f"  {effect.measure.label}", *means, effect_in_words(effect))
    if table.rows:
        console.print(table)
    adjustment = results.answers.adjustment
    console.print(Text(f"tables     {str(adjustment['state']).replace('_', ' ')}: {adjustment['reason']}"))
    for row in results.survived_rows:
        console.print(Text(f"store      {row['scenario_count']} crash scenarios, {row['failure_count']} failures"))
    for row in results.failed:
        console.print(Text(f"failed     {row['scenario']}; repeat with: {row['repeat']}"))
    console.print(Text(f"report     {page}"))
