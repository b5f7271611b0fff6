"""The report of a study: what went in, what was wrong with it, what was found, how sure it is, how to repeat it."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from proving import __version__
from proving.corridor.ask import Answers, Asked
from proving.corridor.effects import Effect, effects
from proving.corridor.run import Results
from proving.corridor.simulate import Behind, cases, drive_behind, simulation_jobs
from proving.corridor.wording import (
    answer_in_words,
    case_name,
    change_in_words,
    condition_of,
    count,
    effect_in_words,
    range_in_words,
)
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
# What the tables did, by the state of their adjustment.
LEARNED = {
    "kept": "proposed a layout of their own, which was kept",
    "rolled_back": "proposed a layout of their own, which was rolled back",
    "not_proposed": "proposed no other layout",
}


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


def _summary(results: Results, found: list[Effect]) -> str:
    study, measured = results.study, results.measured
    clips = len(results.clip_rows)
    first = (f"{study.about}\n\n" if study.about else "") + (
        f"{count(clips, 'camera clip')} and {count(len(results.inputs) - clips, 'trajectory file')} of "
        f"{study.road.name} were kept in an object store and inspected; "
        f"{count(len(results.bad) + len(results.damaged), 'input')} had to be set aside. Behind "
        f"{count(len(measured.leaders), 'measured leader')}, platoons of {study.simulate.vehicle_count} simulated "
        "vehicles followed, driven by people only and with some automated ones."
    )
    if not found:
        return first
    best = _thriftiest(found)
    fuel, braking = best["fuel_l_per_100km"], best["braking_per_veh_km"]
    return (
        f"{first}\n\nWith {case_name(fuel.controller, fuel.automated_share)} among the drivers, fuel changed by "
        f"{effect_in_words(fuel)} and braking events per vehicle-km went from {braking.without:.2f} to "
        f"{braking.with_it:.2f}. Throughput changed by {effect_in_words(best['throughput_veh_per_h'])}, mean speed by "
        f"{effect_in_words(best['mean_speed_mps'])}. These are means over {count(fuel.pair_count, 'pair')} of runs; "
        "the ranges are over leaders and random repetitions."
    )


def _thriftiest(found: list[Effect]) -> dict[str, Effect]:
    """Return the effects, by measure, of whoever saves most fuel."""
    best = min((each for each in found if each.measure.column == "fuel_l_per_100km"), key=lambda each: each.change)
    case = (best.controller, best.automated_share)
    return {each.measure.column: each for each in found if (each.controller, each.automated_share) == case}


def _key_figures(results: Results, found: list[Effect]) -> KeyFigures:
    figures = []
    for column in ("fuel_l_per_100km", "braking_per_veh_km", "throughput_veh_per_h") if found else ():
        effect = _thriftiest(found)[column]
        who = case_name(effect.controller, effect.automated_share)
        label = effect.measure.label.partition(",")[0]
        figures.append(KeyFigure(label, change_in_words(effect), f"{who}; {range_in_words(effect)} in single pairs"))
    aside = len(results.bad) + len(results.damaged)
    figures.append(KeyFigure("inputs set aside", f"{aside} of {len(results.inputs)}", "all are kept, none is lost"))
    before, after = _shares_read(results.answers)
    if results.answers.adjustment["state"] == "kept":
        figures.append(
            KeyFigure("of a table read to answer", f"{after:.0%}", f"{before:.0%} before the tables learned")
        )
    else:
        figures.append(KeyFigure("of a table read to answer", f"{before:.0%}", "no better layout was found"))
    return KeyFigures(tuple(figures))


def _what_went_in(results: Results) -> Section:
    aside = {item.name: "unusable" for item in results.bad} | {item.name: "damaged" for item in results.damaged}
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
                f"samples of {count(measured.vehicle_count, 'vehicle')}."
            ),
            Table(
                ("input", "kind", "bytes", "SHA-256 begins", "use"),
                rows,
                "Every input of this study; damaged and unusable ones were set aside.",
            ),
            Table(
                ("leader", "drive", "window begins, s", "mean speed, m/s", "speed lost by braking, m/s"),
                tuple(
                    (
                        number,
                        leader.name,
                        round(leader.start_s, 1),
                        round(leader.mean_speed_mps, 2),
                        round(leader.lost_speed_mps, 1),
                    )
                    for number, leader in enumerate(measured.leaders, start=1)
                ),
                f"The {results.study.simulate.duration_s:g} s of each drive in which most speed was lost by braking, "
                "the roughest first: these are replayed, and the platoons follow.",
            ),
        ),
    )


def _what_was_wrong(results: Results) -> Section:
    blocks: list[Block] = []
    rows = tuple((item.name, item.kind, item.reason, "unusable") for item in results.bad)
    rows += tuple((item.name, item.kind, item.reason, "damaged") for item in results.damaged)
    if rows:
        blocks.append(
            Table(
                ("input", "kind", "what is wrong", "so it is"), rows, "Set aside; all of them are still in the store."
            )
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
    if not results.simulated_rows:
        nothing = "Every simulation failed, so nothing can be said; the end of this page has the reasons."
        return Section("What automation changes", (Text(nothing),))
    table = Table(
        ("who drives", "measure", "people only", "with automation", "change (range)", "pairs worse"),
        tuple(
            (
                case_name(effect.controller, effect.automated_share),
                effect.measure.label,
                effect.without,
                effect.with_it,
                effect_in_words(effect),
                f"{effect.worse_count} of {effect.pair_count}",
            )
            for effect in found
        ),
        "Means over all leaders and seeds. A pair is two runs behind the same leader with the same random numbers (one "
        "seed), without and with automated vehicles; the range is over the pairs.",
    )
    named = _named_rows(results)
    fuel = spread_figure(
        named, group="leader_number", series="who", value="fuel_l_per_100km", value_label="fuel, l/100 km"
    )
    braking = spread_figure(
        named,
        group="leader_number",
        series="who",
        value="braking_per_veh_km",
        value_label="braking events per vehicle-km",
    )
    return Section(
        "What automation changes",
        (
            table,
            *_diagram(results),
            figure(fuel, "Fuel of each platoon; one point a seed, a line at their median."),
            figure(
                braking,
                "Braking events (deceleration, smoothed over half a second, rises above 1 m/s²) of each platoon; one "
                "point a seed, a line at their median.",
            ),
        ),
    )


def _named_rows(results: Results) -> list[dict[str, Scalar]]:
    """Return the simulated rows with the leader's number and who drove, ordered by both."""
    numbers = {leader.name: number for number, leader in enumerate(results.measured.leaders, start=1)}
    order = cases(results.study.simulate)
    rows = [
        (numbers[str(row["leader"])], order.index((str(row["controller"]), _number(row, "automated_share"))), row)
        for row in results.simulated_rows
    ]
    rows.sort(key=lambda item: item[:2])
    return [{**row, "leader_number": f"leader {number}", "who": case_name(*order[case])} for number, case, row in rows]


def _diagram(results: Results) -> tuple[TimeSpace, ...]:
    caption = (
        "Every vehicle of the platoon behind leader 1, the roughest, with seed 0. Red stripes that run backward are "
        "stop-and-go waves."
    )
    panels = _panels(results)
    return (TimeSpace(caption, panels),) if panels else ()


def _panels(results: Results) -> tuple[Tracks, ...]:
    settings, leaders = results.study.simulate, results.measured.leaders[:1]
    jobs = simulation_jobs(settings, results.study.road, leaders, results.folder / "work" / "leaders")
    simulated = {
        (row["leader"], row["controller"], row["automated_share"], row["seed"]) for row in results.simulated_rows
    }
    panels = []
    for config in (job.config for job in jobs if job.seed == 0):
        assert isinstance(config, Behind), "simulation jobs are configured so"
        if (config.leader, config.controller, config.automated_share, 0) not in simulated:
            continue
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
    is_kept = adjustment["state"] == "kept"
    return Section(
        "What the tables learned",
        (
            Text(
                f"The tables watched the first half of the questions and then {LEARNED[str(adjustment['state'])]}: "
                f"{adjustment['reason']}. "
                + ("" if is_kept else "The second half was therefore answered by the old layout too. ")
                + "No layout stays before all its answers were found equal to those of a plain scan of the untouched "
                "files."
            ),
            Table(
                ("question", "asked", "rows read before", "rows read after", "median ms before", "median ms after"),
                tuple(rows),
                "The first half of the questions (before) and the second (after), which asked about other stretches, "
                "times and vehicles.",
                ("left", "right", "right", "right", "right", "right"),
            ),
            Table(
                ("question", "asked of the rows with", "answer"),
                tuple((asked.question, condition_of(asked.sql), answer_in_words(asked.answer)) for asked in last),
                "The last answer to each question.",
            ),
        ),
    )


def _what_the_store_survived(results: Results) -> Section:
    size = sum(item.kept.size_bytes for item in results.inputs)
    kept = Text(
        f"{count(len(results.inputs), 'input')} ({size / 1e6:.1f} MB) were kept and read back; every SHA-256 agreed."
    )
    if not results.survived_rows:
        return Section("What the store survived", (kept, Text("No crash scenarios were run in this study.")))
    tried = Text(
        "The store's own code was then put through random operations with power cuts and failing calls on a simulated "
        "disk, side by side with a plain dictionary. A failure would be anything acknowledged and then lost, or a "
        "wrong byte."
    )
    told = [
        f"{count(int(_number(row, 'scenario_count')), 'scenario')} with "
        f"{count(int(_number(row, 'operation_count')), 'operation')}: "
        + (f"a failure; repeat it with: {row['replay_command']}" if row["failure_count"] else "no failure.")
        for row in results.survived_rows
    ]
    return Section("What the store survived", (kept, tried, Text("\n\n".join(told))))


def _how_sure(results: Results, found: list[Effect]) -> Section:
    settings = results.study.simulate
    worse = [effect for effect in found if effect.worse_count and effect.measure.column == "fuel_l_per_100km"]
    drivers = ", ".join(case_name(*case) for case in cases(settings))
    lines = [
        f"Each kind of platoon ({drivers}) was simulated behind {count(len(results.measured.leaders), 'leader')}, "
        f"{count(settings.seeds, 'time')} each with other random numbers. Ranges are the smallest and largest change "
        "within a pair, not a confidence interval: with so few leaders, another day's traffic may lie outside them.",
        "The human drivers are one law (IDM with noise), not fitted to this road. Real people differ from it and from "
        "one another, so the direction of an effect is surer than its size.",
        "A platoon keeps to one lane: nobody overtakes, or fills the gap that an automated vehicle leaves. Where "
        "throughput falls much, part of the saving comes from that gap.",
        "A detector can miss damage and can mistake a still scene for a freeze. A clip that was set aside is a clip to "
        "look at, not a verdict.",
    ]
    lines += [
        f"With {case_name(effect.controller, effect.automated_share)}, {effect.worse_count} of {effect.pair_count} "
        "pairs used more fuel than without."
        for effect in worse
    ]
    if results.failed:
        lines.append(f"{count(len(results.failed), 'job')} failed and are missing above; see the end of this page.")
    return Section("How sure this is", (Text("\n\n".join(lines)),))


def _how_to_repeat(results: Results, study_file: Path) -> Section:
    rows = [*results.simulated_rows, *results.clip_rows]
    blocks: list[Block] = [
        Text(
            "The same study, seeds and version give the same numbers (times excepted). All rows lie beside this page, "
            "in rows/*.parquet."
        ),
        Code(_command(results, study_file)),
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


def _command(results: Results, study_file: Path) -> str:
    words = ["proving", "corridor", "run", str(study_file)]
    if results.folder != Path("out") / results.study.slug:
        words += ["--out", str(results.folder)]
    return shlex.join(words)


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


def _number(row: dict[str, Scalar], column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float), f"a number was recorded: {column} is {value!r}"
    return float(value)
