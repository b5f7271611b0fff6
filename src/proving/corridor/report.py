"""The report of a study: what went in, what was wrong with it, what was found, how sure it is, how to repeat it."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from proving import __version__
from proving.corridor.ask import Answers, Asked
from proving.corridor.effects import Effect, effects
from proving.corridor.run import Results
from proving.corridor.simulate import PEOPLE_ONLY, Behind, cases, drive_behind, simulation_jobs
from proving.report import (
    Block,
    Code,
    KeyFigure,
    KeyFigures,
    Report,
    Section,
    Table,
    Text,
    Thumbnail,
    Thumbnails,
    TimeSpace,
    Tracks,
    figure,
    spread_figure,
    tracks_from_grid,
)
from proving.runs import Scalar

POINTS_PER_PANEL = 150_000
MOST_THUMBNAILS = 12


def make_report(results: Results, study_file: Path) -> Report:
    """Return the report; the same results give the same report."""
    found = effects(results.simulated_rows)
    return Report(
        title=results.study.name,
        summary=_summary(results, found),
        sections=(
            Section("In short", (_key_figures(results, found),)),
            _what_went_in(results),
            _what_was_wrong(results),
            _what_automation_changes(results, found),
            _what_the_tables_learned(results.answers),
            _what_the_store_survived(results),
            _how_sure(results, found),
            _how_to_repeat(results, study_file),
        ),
        footer=f"Made by proving {__version__}. This page holds everything it shows and asks the network for nothing.",
    )


def in_words(effect: Effect) -> str:
    """Return an effect as a person would say it, such as "−12 % (−20 % to −3 %)"."""
    if effect.measure.is_relative:
        low, middle, high = (
            f"{value * 100:+.0f} %" for value in (effect.lowest_change, effect.change, effect.highest_change)
        )
    else:
        low, middle, high = (f"{value:+.2f}" for value in (effect.lowest_change, effect.change, effect.highest_change))
    return f"{middle} ({low} to {high})".replace("-", "−").replace(" %", "\N{NO-BREAK SPACE}%")


def case_name(controller: str, share: float) -> str:
    """Return who drives, in words."""
    if controller == PEOPLE_ONLY:
        return "people only"
    return f"{share * 100:g}\N{NO-BREAK SPACE}% {controller.replace('_', ' ')}"


def _summary(results: Results, found: list[Effect]) -> str:
    study, measured = results.study, results.measured
    clips = len(results.clip_rows)
    first = (f"{study.about}\n\n" if study.about else "") + (
        f"{_count(clips, 'camera clip')} and {_count(len(results.inputs) - clips, 'trajectory file')} of "
        f"{study.road.name} were kept in an object store and inspected; "
        f"{_count(len(results.bad) + len(results.damaged), 'input')} had to be set aside. Behind "
        f"{_count(len(measured.leaders), 'measured leader')}, platoons of {study.simulate.vehicle_count} simulated "
        "vehicles followed, driven by people only and with some automated ones."
    )
    fuel = [effect for effect in found if effect.measure.column == "fuel_l_per_100km"]
    if not fuel:
        return first
    best = min(fuel, key=lambda effect: effect.change)
    braking = next(
        effect
        for effect in found
        if effect.measure.column == "braking_per_veh_km"
        and (effect.controller, effect.automated_share) == (best.controller, best.automated_share)
    )
    return (
        f"{first}\n\nWith {case_name(best.controller, best.automated_share)} among the drivers, fuel changed by "
        f"{in_words(best)}, and braking events per vehicle-km went from {braking.without:.2f} to {braking.with_it:.2f} "
        f"(medians over {best.pair_count} pairs of runs; the range is over leaders and seeds)."
    )


def _key_figures(results: Results, found: list[Effect]) -> KeyFigures:
    figures = [
        KeyFigure(
            effect.measure.label.partition(",")[0],
            in_words(effect).partition(" (")[0],
            f"{case_name(effect.controller, effect.automated_share)}; range {in_words(effect).partition('(')[2][:-1]}",
        )
        for effect in found
        if effect.measure.column in ("fuel_l_per_100km", "braking_per_veh_km")
    ][:4]
    aside = len(results.bad) + len(results.damaged)
    figures.append(KeyFigure("inputs set aside", f"{aside} of {len(results.inputs)}", "all are kept, none is lost"))
    before, after = _shares_read(results.answers)
    figures.append(
        KeyFigure("of the table read per question", f"{after:.0%}", f"{before:.0%} before the tables learned")
    )
    return KeyFigures(tuple(figures))


def _what_went_in(results: Results) -> Section:
    aside = {item.name: "set aside" for item in results.bad} | {item.name: "quarantined" for item in results.damaged}
    rows = tuple(
        (item.name, item.kind, item.kept.size_bytes, item.kept.sha256[:12], aside.get(item.name, "used"))
        for item in results.inputs
    )
    measured = results.measured
    return Section(
        "What went in",
        (
            Text(
                f"Every input was first copied into {results.place}, and everything below was computed from what came "
                f"back out of it, with its SHA-256 proven equal. The trajectories hold {measured.tracks.num_rows:,} "
                f"samples of {_count(measured.vehicle_count, 'vehicle')}."
            ),
            Table(("input", "kind", "bytes", "SHA-256 begins", "use"), rows, "Every input of this study."),
            Table(
                ("leader", "window begins, s", "mean speed, m/s", "speed lost by braking, m/s"),
                tuple(
                    (
                        leader.name,
                        round(leader.start_s, 1),
                        round(leader.mean_speed_mps, 2),
                        round(leader.lost_speed_mps, 1),
                    )
                    for leader in measured.leaders
                ),
                f"The {results.study.simulate.duration_s:g} s of each drive in which most speed was lost by braking, "
                "the roughest first: these are replayed, and the platoons follow.",
            ),
        ),
    )


def _what_was_wrong(results: Results) -> Section:
    blocks: list[Block] = []
    rows = tuple((item.name, item.kind, item.reason, "could not be used") for item in results.bad)
    rows += tuple((item.name, item.kind, item.reason, "damaged") for item in results.damaged)
    if rows:
        blocks.append(
            Table(("input", "kind", "what is wrong", "so it"), rows, "Set aside; all of them are still in the store.")
        )
    else:
        blocks.append(Text("Nothing: every input could be used, and no detector found a defect."))
    silent = [str(row["name"]) for row in results.clip_rows if row.get("is_readable") and not row.get("has_audio")]
    if silent:
        blocks.append(Text(f"No sound track, so sound was not inspected: {', '.join(silent)}."))
    thumbnails = _thumbnails(results)
    if thumbnails:
        blocks.append(Thumbnails(thumbnails))
    return Section("What was wrong with it", tuple(blocks))


def _thumbnails(results: Results) -> tuple[Thumbnail, ...]:
    from proving.video import thumbnail

    files = {item.name: results.files[item.kept.key] for item in results.inputs if item.kind == "clip"}
    pictures = []
    rows = sorted(results.clip_rows, key=lambda row: row["finding_count"] == 0)
    for row in [row for row in rows if row["is_readable"]][:MOST_THUMBNAILS]:
        findings = json.loads(str(row["findings"]))
        middle = (findings[0]["start_s"] + findings[0]["end_s"]) / 2 if findings else _number(row, "duration_s") / 2
        note = f"{findings[0]['detector'].replace('_', ' ')} at {middle:.1f} s" if findings else "no defect found"
        name = str(row["name"])
        pictures.append(Thumbnail(image=thumbnail(files[name], middle), caption=name, note=note))
    return tuple(pictures)


def _what_automation_changes(results: Results, found: list[Effect]) -> Section:
    table = Table(
        ("who drives", "measure", "people only", "with automation", "change (range)", "worse in"),
        tuple(
            (
                case_name(effect.controller, effect.automated_share),
                effect.measure.label,
                effect.without,
                effect.with_it,
                in_words(effect),
                f"{effect.worse_count} of {effect.pair_count}",
            )
            for effect in found
        ),
        "Medians over all leaders and seeds. Each change compares two runs behind the same leader with the same seed.",
    )
    named = [
        {**row, "who": case_name(str(row["controller"]), _number(row, "automated_share"))}
        for row in results.simulated_rows
    ]
    fuel = spread_figure(named, group="leader", series="who", value="fuel_l_per_100km", value_label="fuel, l/100 km")
    braking = spread_figure(
        named, group="leader", series="who", value="braking_per_veh_km", value_label="braking events per vehicle-km"
    )
    return Section(
        "What automation changes",
        (
            table,
            TimeSpace(
                "Every vehicle of the platoon behind the roughest leader, seed 0. Dark stripes that run "
                "backward are stop-and-go waves.",
                _panels(results),
            ),
            figure(fuel, "Fuel of each platoon; one point a seed."),
            figure(
                braking, "Braking events (smoothed deceleration crossing 1 m/s²) of each platoon; one point a seed."
            ),
        ),
    )


def _panels(results: Results) -> tuple[Tracks, ...]:
    settings, leaders = results.study.simulate, results.measured.leaders[:1]
    jobs = simulation_jobs(settings, results.study.road, leaders, results.folder / "work" / "leaders")
    panels = []
    for config in (job.config for job in jobs if job.seed == 0):
        assert isinstance(config, Behind), "simulation jobs are configured so"
        run = drive_behind(config, 0)
        name = case_name(config.controller, config.automated_share)
        panels.append(
            tracks_from_grid(
                name, run.time_s, run.position_m, run.speed_mps, run.is_automated, point_limit=POINTS_PER_PANEL
            )
        )
    return tuple(panels)


def _what_the_tables_learned(answers: Answers) -> Section:
    names = list(dict.fromkeys(asked.question for asked in answers.asked))
    rows = []
    for name in names:
        before = [asked for asked in answers.asked if asked.question == name and not asked.is_rearranged]
        after = [asked for asked in answers.asked if asked.question == name and asked.is_rearranged]
        rows.append(
            (
                name,
                len(before) + len(after),
                f"{_share_read(before):.0%}",
                f"{_share_read(after):.0%}",
                _median_ms(before),
                _median_ms(after),
            )
        )
    adjustment = answers.adjustment
    last = answers.asked[-len(names) :]
    return Section(
        "What the tables learned",
        (
            Text(
                f"The tables watched the first half of the questions and then proposed a layout of their own. It was "
                f"{str(adjustment['state']).replace('_', ' ')}: {adjustment['reason']}. Every answer was compared with "
                f"a plain scan of the untouched files before it could stay."
            ),
            Table(
                ("question", "asked", "rows read before", "rows read after", "median ms before", "median ms after"),
                tuple(rows),
                "The second half of the questions put windows that the tables had not seen.",
            ),
            Table(
                ("question", "answer"),
                tuple((asked.question, _answer_in_words(asked.answer)) for asked in last),
                "The last answer to each question.",
            ),
        ),
    )


def _what_the_store_survived(results: Results) -> Section:
    size = sum(item.kept.size_bytes for item in results.inputs)
    kept = Text(
        f"{_count(len(results.inputs), 'input')} ({size / 1e6:.1f} MB) were kept and read back; every SHA-256 agreed."
    )
    if not results.survived_rows:
        return Section("What the store survived", (kept, Text("No crash scenarios were run in this study.")))
    rows = tuple(
        (name.replace("_", " "), value)
        for row in results.survived_rows
        for name, value in row.items()
        if name in ("scenario_count", "operation_count", "crash_count", "failure_count") and value is not None
    )
    return Section(
        "What the store survived",
        (
            kept,
            Text(
                "The store's own code was then put through random operations with power cuts on a simulated disk, "
                "side by side with a plain dictionary. A failure would be anything acknowledged and then lost, or a "
                "wrong byte."
            ),
            Table(("what", "how many"), rows),
        ),
    )


def _how_sure(results: Results, found: list[Effect]) -> Section:
    settings = results.study.simulate
    worse = [effect for effect in found if effect.worse_count and effect.measure.column == "fuel_l_per_100km"]
    case_count, leader_count = len(cases(settings)), len(results.measured.leaders)
    lines = [
        f"Each of {_count(case_count, 'case')} was simulated behind {_count(leader_count, 'leader')} with "
        f"{_count(settings.seeds, 'seed')}. Ranges are the smallest and largest paired change, not a confidence "
        "interval: with so few leaders, another day's traffic may lie outside them.",
        "The human drivers are one law (IDM with noise), not fitted to this road. Real people differ from it and from "
        "one another, so the direction of an effect is surer than its size.",
        "A detector can miss damage and can mistake a still scene for a freeze. A quarantined clip is a clip to look "
        "at, not a verdict.",
    ]
    lines += [
        f"With {case_name(effect.controller, effect.automated_share)}, {effect.worse_count} of {effect.pair_count} "
        "pairs used more fuel than without."
        for effect in worse
    ]
    if results.failed:
        lines.append(f"{_count(len(results.failed), 'job')} failed and are missing above; see the end of this page.")
    return Section("How sure this is", (Text("\n\n".join(lines)),))


def _how_to_repeat(results: Results, study_file: Path) -> Section:
    rows = [*results.simulated_rows, *results.clip_rows]
    blocks: list[Block] = [
        Text(
            "The same study, seeds and version give the same numbers (times excepted). All rows lie beside this page, "
            "in rows/*.parquet."
        ),
        Code(f"proving corridor run {shlex.quote(str(study_file))}"),
    ]
    if rows:
        facts = tuple((name, rows[0][name]) for name in ("commit", "machine"))
        blocks.append(Table(("made with", ""), (("proving", __version__), *facts)))
    if results.failed:
        failures = tuple(
            (str(row["scenario"]), str(row["error"]).strip().splitlines()[-1], str(row["repeat"]))
            for row in results.failed
        )
        blocks.append(Table(("failed", "why", "repeat with"), failures))
    return Section("How to repeat it", tuple(blocks))


def _shares_read(answers: Answers) -> tuple[float, float]:
    return (
        _share_read([asked for asked in answers.asked if not asked.is_rearranged]),
        _share_read([asked for asked in answers.asked if asked.is_rearranged]),
    )


def _share_read(asked: Sequence[Asked]) -> float:
    return sum(one.rows_read for one in asked) / max(1, sum(one.rows_total for one in asked))


def _median_ms(asked: Sequence[Asked]) -> float:
    from statistics import median

    return round(median(one.wall_s for one in asked) * 1000, 1)


def _answer_in_words(answer: str, most_rows: int = 3) -> str:
    rows = json.loads(answer)
    lines = [", ".join(f"{name.replace('_', ' ')} {_rounded(value)}" for name, value in row.items()) for row in rows]
    more = f"; and {len(lines) - most_rows} more rows" if len(lines) > most_rows else ""
    return "; ".join(lines[:most_rows]) + more if lines else "nothing: no row fits"


def _rounded(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _number(row: dict[str, Scalar], column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float), f"a number was recorded: {column} is {value!r}"
    return float(value)
