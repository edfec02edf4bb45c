"""The plots of utils/plots.py and scripts/visualization_utils.py, and their pictures in the texts."""

import itertools
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from scripts import visualization_utils
from utils import plots
from utils.course import gallery
from utils.course.catalog import ROOT
from utils.pictures.axes import Axis, around
from utils.pictures.figures import brightness


def lines(figure):
    """The points of every line of a figure."""
    found = re.findall(r'<polyline points="([^"]*)"', figure.svg)
    return [[tuple(map(float, point.split(","))) for point in line.split()] for line in found]


def texts(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure.svg)


# Scales ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Axis(-0.5, 1.5), ["−0.5", "0", "0.5", "1", "1.5"]),
        (Axis(0.0, 999.0), ["0", "200", "400", "600", "800"]),
        (Axis(1e-4, 1.0, log=True), ["0.0001", "0.001", "0.01", "0.1", "1"]),
        (Axis(1e-14, 1.0, log=True), ["1e−14", "1e−11", "1e−8", "1e−5", "0.01"]),
    ],
)
def test_ticks_are_round_numbers_written_shortly(axis, ticks):
    assert [axis.written(tick) for tick in axis.ticks()] == ticks


def test_an_axis_shows_all_numbers_and_ends_at_a_tick():
    assert around([0.0003, 0.28], log=True) == Axis(1e-4, 1.0, "", True)
    axis = around([-0.9975, -1.5e-5])
    assert (axis.low, axis.high) == (pytest.approx(-1.0), pytest.approx(0.0))
    assert around([7.0]).low < 7.0 < around([7.0]).high
    with pytest.raises(ValueError, match="no finite number"):
        around([math.nan])
    with pytest.raises(ValueError, match="no positive finite number"):
        around([0.0], log=True)


# Training curves ------------------------------------------------------------------------------------------------------


def test_on_a_logarithmic_scale_a_loss_that_falls_by_a_factor_is_a_straight_line():
    (line, rule) = lines(plots.training_curves([0.1**k for k in range(5)], target=0.01))
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(line)]
    assert all(step == pytest.approx(steps[0], abs=0.2) for step in steps) and steps[0][1] > 0
    assert rule[0][1] == rule[1][1] == pytest.approx(line[2][1])


def test_the_words_say_when_the_target_was_reached():
    figure = plots.training_curves({"one": [1.0, 0.1, 0.001], "two": [1.0, 0.9, 0.8]}, target=0.1)
    assert str(figure).splitlines()[-2:] == ["one: target 0.1 reached at step 1", "two: target 0.1 never reached"]
    assert "target 0.1" in texts(figure)


def test_a_loss_that_explodes_is_named_and_does_not_press_the_others_flat():
    figure = plots.training_curves({"good": [1.0, 0.5, 0.25, 0.1], "bad": [1.0, 1e6, math.inf, math.nan]})
    assert "bad is inf from step 2 on" in texts(figure)
    assert "nan" not in re.sub(r"<text.*?</text>", "", figure.svg)
    good = lines(figure)[0]
    assert good[-1][1] - good[0][1] > 50


def test_a_loss_of_zero_can_be_drawn():
    assert len(lines(plots.training_curves([1.0, 0.0]))[0]) == 2


def test_a_long_run_costs_no_more_room_than_the_picture_is_wide():
    run = [1 / (k + 1) for k in range(100_000)]
    (line,) = lines(plots.training_curves(run))
    assert len(line) < 900 and line[-1][0] == pytest.approx(line[0][0] + 380)


# Fields ---------------------------------------------------------------------------------------------------------------


def half_plane(points):
    return [1 / (1 + math.exp(-10 * (x + y - 1.1))) for x, y in points]


def test_the_boundary_lies_where_the_answer_is_one_half():
    figure = plots.decision_boundary(half_plane, [[0, 0], [1, 1], [0, 1]], [0, 1, 0], low=0.0, high=2.0)
    path = re.search(r'd="(M[^"]*)" fill="none" stroke="#000000"', figure.svg)[1]
    for right, down in re.findall(r"[ML]([\d.]+) ([\d.]+)", path):
        x, y = (float(right) - 58) / 130, 2 - (float(down) - 34) / 130
        assert x + y == pytest.approx(1.1, abs=0.05)
    assert str(figure) == "Answers: 3 of 3 samples on the right side of 0.5"


def test_answers_and_targets_have_the_same_two_colors():
    figure = plots.decision_boundary(half_plane, [[0.0, 0.0], [1.0, 1.0]], [0.0, 1.0])
    orange, blue = re.findall(r'<circle[^>]* fill="([^"]*)"', figure.svg)
    assert (orange, blue) == ("#e69f00", "#0072b2")
    areas = re.findall(r'<(?:rect|path)[^>]* fill="(#[^"]*)"', figure.svg)[1:]  # after the paper
    red = [int(color[1:3], 16) > int(color[5:7], 16) for color in areas if color not in ("#ffffff", "#777777")]
    assert red[0] and not red[-1]


def test_a_network_of_arrays_may_answer_with_a_column():
    figure = plots.decision_boundary(
        lambda points: np.array(points).sum(axis=1, keepdims=True) / 2, [[0, 0], [1, 1]], [0, 1]
    )
    assert "2 of 2" in str(figure)


def test_a_path_on_a_landscape_lies_where_its_points_are_and_tells_its_losses():
    figure = plots.loss_landscape(lambda x, y: x * x + y * y, (-2, 2), (-2, 2), paths={"down": [(2, 2), (0, 0)]})
    border, line = lines(figure)
    assert border == line == [(58 + 420, 34), (58 + 210, 34 + 140)]
    assert "down: 8 -> 0 on this surface, 1 steps" in str(figure)


def test_a_landscape_with_an_infinite_cliff_or_without_slope_is_drawn():
    assert "from 0.25 to 56.25" in str(plots.loss_landscape(lambda x, y: 1 / x**2 if x else math.inf, (-2, 2), (0, 1)))
    assert "from 3 to 3" in str(plots.loss_landscape(lambda x, y: 3.0, (0, 1), (0, 1)))
    with pytest.raises(ValueError, match="nowhere finite"):
        plots.loss_landscape(lambda x, y: math.nan, (0, 1), (0, 1))


def test_a_slice_through_many_parameters_shows_the_plane_of_the_path():
    def loss(arrays):
        a, b = arrays
        return float((a**2).sum() + b**2)

    way = [[np.array([3.0, 0.0, 4.0]) * s, np.array(0.0)] for s in (1.0, 0.5, 0.0)]
    figure = visualization_utils.loss_landscape(loss, around=way[-1], paths={"down": way})
    assert "down: 25 -> 0 on this surface, 2 steps" in str(figure)
    _, line = lines(figure)
    assert line[1][0] == pytest.approx((line[0][0] + line[2][0]) / 2, abs=0.2)
    same = visualization_utils.loss_landscape(loss, around=way[0])
    assert same.svg == visualization_utils.loss_landscape(loss, around=way[0]).svg
    with pytest.raises(ValueError, match="never move"):
        visualization_utils.loss_landscape(loss, around=way[0], paths={"still": [way[0], way[0]]})


# Histograms, spectra, tables ------------------------------------------------------------------------------------------


def test_gradients_of_zero_and_of_nan_are_counted_in_words():
    figure = plots.gradient_histograms({"W1": np.array([[0.0, 1e-3], [math.nan, 0.0]]), "W2": [[1.0, -1.0]]})
    assert {"W1: 4 gradients", "zeros: 2, not finite: 1", "W2: 2 gradients", "zeros: 0"} <= set(texts(figure))
    assert "W1" in str(figure) and "median 0.001" in str(figure)


def test_every_gradient_stands_in_one_bar():
    rng = np.random.default_rng(0)
    figure = plots.gradient_histograms({"W": 10.0 ** rng.uniform(-5, 0, 500)})
    bars = re.findall(r'd="M[\d.]+ ([\d.]+)V([\d.]+)"', figure.svg)
    most = max(float(low) - float(high) for low, high in bars)
    assert most == pytest.approx(150) and len(bars) == 15


def test_the_spectrum_of_a_matrix_of_rank_2_says_so():
    matrix = np.outer([1.0, 2.0, 2.0], [3.0, 0.0]) + np.outer([2.0, 1.0, -2.0], [0.0, 1.0])
    figure = visualization_utils.svd_analysis(matrix)
    assert "Singular values, 3×2" in texts(figure) and "2 values, from 9 to 3" in texts(figure)
    assert "the first 1 hold 90 %" in texts(figure)
    with pytest.raises(ValueError, match="takes a matrix"):
        visualization_utils.svd_analysis([1.0, 2.0])
    with pytest.raises(ValueError, match="above zero"):
        visualization_utils.svd_analysis(np.zeros((2, 2)))


def test_the_confusion_map_has_a_row_for_what_it_is_and_a_column_for_what_was_said():
    figure = plots.confusion_map(["cat", "cat", "dog"], ["cat", "dog", "dog"])
    assert str(figure).splitlines() == [
        "Confusion: 2 of 3 right",
        "       cat  dog",
        "cat      1    1",
        "dog      0    1",
    ]
    with pytest.raises(ValueError, match="2 targets and 1 predictions"):
        plots.confusion_map([0, 1], [0])
    with pytest.raises(ValueError, match=r"Not among the classes: \[2\]"):
        plots.confusion_map([0, 2], [0, 0], classes=[0, 1])


def test_attention_crosses_what_was_masked_out():
    figure = plots.attention_map([[1.0, 0.0], [0.25, 0.75]], ["he", "ate"])
    assert texts(figure).count("×") == 1 and ".75" in texts(figure)
    assert str(figure).splitlines()[1:] == ["he: █▁ most at he (1.00)", "ate: ▃█ most at ate (0.75)"]
    with pytest.raises(ValueError, match="do not fit"):
        plots.attention_map([[1.0, 0.0]], ["he", "ate"])


def test_text_on_a_colored_cell_can_be_read():
    figure = plots.attention_map([[k / 100, 1 - k / 100] for k in range(101)], "ab", queries=range(101))
    cells = re.findall(r'<rect [^>]*fill="(#[^"]*)" stroke="#ffffff".*?/>\n<text [^>]*fill="(#[^"]*)"', figure.svg)
    assert len(cells) == 202
    for paper, ink in cells:
        low, high = sorted([brightness(paper), brightness(ink)])
        assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("numbers", "options", "shown"),
    [
        ([1, 2, 3], {}, "▁▅█"),
        ([5, 5], {}, "▁▁"),
        ([1, math.nan, 2, math.inf], {}, "▁!█!"),
        ([1.0, 0.1, 0.01, 0.0], {"log": True}, "█▇▇▁"),
        (range(100), {"width": 4}, "▁▃▆█"),
        ([], {}, ""),
    ],
)
def test_a_spark_line_runs_from_the_lowest_to_the_highest_sign(numbers, options, shown):
    assert plots.spark(numbers, **options) == shown


# Figures --------------------------------------------------------------------------------------------------------------


def test_the_same_data_gives_the_same_bytes_and_every_form(tmp_path):
    figure = plots.training_curves([1.0, 0.5])
    assert figure.svg == plots.training_curves(np.array([1.0, 0.5])).svg
    assert figure.save(tmp_path / "a.svg").read_text(encoding="utf-8") == figure.svg
    assert figure.save(tmp_path / "a.txt").read_text(encoding="utf-8") == f"{figure}\n"
    assert figure._repr_mimebundle_() == {"image/svg+xml": figure.svg, "text/plain": str(figure)}
    with pytest.raises(ValueError, match=r"\.svg or \.txt"):
        figure.save(tmp_path / "a.png")


def test_names_are_escaped_and_lines_of_another_length_are_refused():
    figure = plots.curves([0, 1], {"a < b": [1, 2]}, points=[(0, 1, "start & end")])
    assert {"a &lt; b", "start &amp; end"} <= set(texts(figure))
    with pytest.raises(ValueError, match="a has 1 numbers over 2 places"):
        plots.curves([0, 1], {"a": [1]})


def test_plots_load_no_package():
    program = (
        "import sys, utils.plots; print({'numpy', 'matplotlib', 'graphviz'} & {m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_picture_with_another_number_or_another_line_is_out_of_date():
    figure = plots.training_curves([1.0, 0.5, 0.2], target=0.1).svg
    assert gallery.alike(figure, plots.training_curves([1.0, 0.501, 0.2], target=0.1).svg)
    assert not gallery.alike(figure, plots.training_curves([1.0, 0.7, 0.2], target=0.1).svg)
    assert not gallery.alike(figure, plots.training_curves([1.0, 0.5, 0.2], target=0.11).svg)


def test_a_page_with_another_number_or_another_word_is_out_of_date_but_not_for_its_last_digits():
    page = "<!doctype html><p>loss = 0.7310585786300049</p><svg><text>a</text></svg>"
    assert gallery.alike(page, page.replace("0049", "0051"))
    assert not gallery.alike(page, page.replace("0.731", "0.741"))
    assert not gallery.alike(page, page.replace("loss", "cost"))
    assert not gallery.alike(page, page.replace(">a<", ">b<"))
