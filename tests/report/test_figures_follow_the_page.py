"""Figures take their colours and letters from the page, are the same every time, and refuse rows that lack columns."""

from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from proving.report import NoSuchColumn, bar_figure, figure, speed_figure, spread_figure
from proving.report.colour import ANCHORS, oklab_from_rgb, speed_colours
from proving.report.svg import scoped_svg

ROWS = [
    {"share": share, "controller": name, "fuel": 30.0 - share + seed * 0.1, "seed": seed}
    for share in (0, 5)
    for name in ("a", "b")
    for seed in range(4)
]
FUEL = {"group": "share", "value": "fuel", "value_label": "fuel, l/100 km", "group_label": "share, %"}
# What red-green blind eyes see, in linear RGB. Machado, Oliveira, Fernandes (2009), table 1, severity 1.
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]


def drawings() -> list[Drawing]:
    plain = Drawing()
    axes = plain.subplots()
    axes.plot([1, 2], [2, 1], label="line")
    axes.set_title("title")
    axes.imshow(np.arange(4).reshape(2, 2))
    axes.legend()
    return [
        plain,
        spread_figure(ROWS, series="controller", **FUEL),
        bar_figure(ROWS, **FUEL),
        speed_figure(ROWS, time="seed", speed="fuel", series="controller"),
    ]


@pytest.mark.parametrize("index", range(4))
def test_ink_paper_and_series_come_from_the_page(index: int):
    svg = figure(drawings()[index]).svg
    for fixed in ("#000000", "#ffffff", "#b0b0b0", "#1f77b4", "DejaVu", "xmlns", "<style", "http"):
        assert fixed not in svg, fixed
    assert "<text" in svg
    assert "currentColor" in svg
    assert "var(--series-1)" in svg


def test_the_same_drawing_gives_the_same_svg():
    assert [figure(drawing).svg for drawing in drawings()] == [figure(drawing).svg for drawing in drawings()]


def test_drawing_leaves_matplotlib_settings_alone():
    before = dict(matplotlib.rcParams)
    figure(drawings()[0])
    assert dict(matplotlib.rcParams) == before


def test_two_drawings_in_a_page_share_no_id():
    svg = figure(drawings()[0]).svg
    assert 'id="one-' in scoped_svg(svg, "one-")
    assert scoped_svg(svg, "one-").count("#one-") == svg.count('href="#') + svg.count("url(#")


def test_axes_have_names_and_units():
    axes = spread_figure(ROWS, series="controller", **FUEL).axes[0]
    assert axes.get_ylabel() == "fuel, l/100 km"
    assert axes.get_xlabel() == "share, %"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "5"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_the_bar_is_the_median_and_every_row_is_a_point():
    bars = bar_figure(ROWS, **FUEL).axes[0].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([30.15, 25.15])
    points = [line for line in spread_figure(ROWS, **FUEL).axes[0].lines if line.get_marker() == "o"]
    assert sum(len(line.get_ydata()) for line in points) == len(ROWS)


def test_missing_numbers_are_left_out_and_missing_columns_named():
    holes = [*ROWS, {"share": 5, "fuel": None}, {"share": 5, "fuel": float("nan")}]
    points = [line for line in spread_figure(holes, **FUEL).axes[0].lines if line.get_marker() == "o"]
    assert sum(len(line.get_ydata()) for line in points) == len(ROWS)
    with pytest.raises(NoSuchColumn, match=r"^rows have no column 'petrol'; they have controller, fuel, seed, share$"):
        spread_figure(ROWS, **{**FUEL, "value": "petrol"})
    with pytest.raises(NoSuchColumn, match="no row has a finite number in column 'fuel'"):
        bar_figure([{"share": 1, "fuel": None}], **FUEL)
    with pytest.raises(NoSuchColumn, match="holds text"):
        speed_figure([{"time_s": 1, "mean_speed_mps": "fast"}])


@pytest.mark.parametrize("eye", [np.eye(3), np.array(PROTANOPIA), np.array(DEUTERANOPIA)])
def test_speeds_far_apart_look_far_apart_to_every_eye(eye: np.ndarray):
    rgb = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in speed_colours()])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ eye.T
    linear = np.clip(linear, 0, 1)
    seen = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    lab = oklab_from_rgb(seen)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    far = np.abs(np.subtract.outer(np.arange(len(lab)), np.arange(len(lab)))) >= 64
    assert apart[far].min() > 0.08


def test_equal_steps_of_speed_look_equal():
    colours = speed_colours()
    assert (colours[0], colours[-1]) == (ANCHORS[0], ANCHORS[-1])
    rgb = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in colours])
    steps = np.linalg.norm(np.diff(oklab_from_rgb(rgb)[::16], axis=0), axis=1)
    assert steps.max() / steps.min() < 1.5


@pytest.mark.parametrize("paper", ["#fdfdfb", "#15171b"])
def test_every_speed_stands_out_from_light_and_dark_paper(paper: str):
    rgb = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in (*speed_colours(), paper)])
    lightness = oklab_from_rgb(rgb)[:, 0]
    assert np.abs(lightness[:-1] - lightness[-1]).min() > 0.19


@pytest.mark.parametrize("length", [1, 9, 40])
@pytest.mark.parametrize("count", [2, 5, 12])
def test_names_of_groups_never_lie_on_one_another(length: int, count: int):
    rows = [{"name": f"{index:02d}" + "a" * (length - 1), "fuel": float(index)} for index in range(count)]
    drawing = spread_figure(rows, group="name", value="fuel", value_label="fuel, l/100 km")
    FigureCanvasAgg(drawing).draw()
    labels = drawing.axes[0].get_xticklabels()
    assert len({label.get_text() for label in labels}) == count
    boxes = [label.get_window_extent() for label in labels]
    if labels[0].get_rotation() == 0:
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    else:
        # Tilted lines of writing are apart where their ends are, seen across the slope, by the letters' height.
        apart = [(right.x1 - left.x1) * np.sin(np.radians(30)) for left, right in pairwise(boxes)]
        assert min(apart) > 10
