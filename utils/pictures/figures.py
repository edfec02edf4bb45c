"""Axes, lines and fields as SVG: what utils/plots.py draws with. The same data gives the same bytes.

A Figure is one or more Panels side by side. A Panel has two axes and lists of SVG elements; `at` says where a point is.
Every color stands in the element itself, for light paper, and has a class that the style sheet answers on dark paper.
"""

import html
import math
from pathlib import Path

from utils.pictures.axes import Names
from utils.pictures.fields import above, level_lines

INK, FAINT, PAPER = "#333333", "#dddddd", "#ffffff"
# Told apart by nearly everyone (Okabe and Ito), and by their dashes where color does not count; light and dark paper.
SERIES = (
    ("#0072b2", "#56b4e9", ""), ("#c04a00", "#ff9a4d", "7 4"), ("#00775a", "#3ad0a4", "2 3"),
    ("#9a4580", "#e79bcc", "9 3 2 3"), ("#555555", "#b8bcc2", "4 2"), ("#7a5b00", "#f0c95a", "12 3"),
)  # fmt: skip
LOW, MIDDLE, HIGH = (230, 159, 0), (255, 255, 255), (0, 114, 178)  # orange, white, blue
LEFT, RIGHT, TOP, BOTTOM, LINE = 58, 14, 34, 44, 18  # least margins of a panel, and the height of a line of text
CHARACTER = 7.0  # points that a letter of 13 points takes, on average

STYLE = (
    "<style>.plot{max-width:100%;height:auto}@media (prefers-color-scheme:dark){"
    ".plot .paper{fill:#16191d}.plot .ink{fill:#e8eaed}.plot .axis{stroke:#9aa0a6}.plot .grid{stroke:#30353c}"
    + "".join(f".plot .s{k}{{stroke:{dark}}}" for k, (_, dark, _) in enumerate(SERIES))
    + "}</style>"
)


class Panel:
    """One pair of axes and what is drawn between them. `frame` is False for a field of cells, which needs no grid."""

    def __init__(self, title, x, y, width=320, height=240, frame=True):
        self.title, self.x, self.y, self.width, self.height, self.frame = title, x, y, width, height, frame
        self.parts, self.over, self.legend = [], [], []
        self.left = max(LEFT, 26 + CHARACTER * max((len(y.written(tick)) for tick in y.ticks()), default=0))
        longest = CHARACTER * max((len(x.written(tick)) for tick in x.ticks()), default=0)
        self.turned = isinstance(x, Names) and longest > width / len(x.names) - 2  # names that do not fit side by side
        self.bottom = BOTTOM + longest - 8 if self.turned else BOTTOM
        if frame:
            self._grid()

    def at(self, x, y):
        """The place of a point, from the upper left corner of the panel."""
        return self.left + self.x.share(x) * self.width, TOP + (1 - self.y.share(y)) * self.height

    def line(self, points, series=0, name="", width=2):
        """A line through points; one that is not finite breaks it."""
        color, _, dashes = SERIES[series % len(SERIES)]
        pieces, piece = [], []
        for x, y in [*points, (math.nan, math.nan)]:
            if math.isfinite(x) and math.isfinite(y):
                piece.append("{:.1f},{:.1f}".format(*self.at(x, y)))
            elif piece:
                pieces.append(piece if len(piece) > 1 else piece * 2)
                piece = []
        look = f'fill="none" stroke="{color}" stroke-width="{width}" stroke-linejoin="round"'
        look += f' stroke-dasharray="{dashes}"' if dashes else ""
        # A field stays as it is on dark paper, so a line upon it keeps its color, and a white border on either paper.
        border = (
            "" if self.frame else f'fill="none" stroke="#ffffff" stroke-width="{width + 2}" stroke-linejoin="round"'
        )
        look = f'class="s{series % len(SERIES)}" {look}' if self.frame else look
        for each in filter(None, (border, look)):
            self.over += [f'<polyline points="{" ".join(piece)}" {each}/>' for piece in pieces]
        if name:
            self.legend.append(([border, look] if border else [look], name))

    def rule(self, y, name, series=4):
        """A horizontal line with its name."""
        self.line([(self.x.low, y), (self.x.high, y)], series, width=1.5)
        right, down = self.at(self.x.high, y)
        self.over.append(words(name, right - 4, down - 5, "end"))

    def field(self, grid, levels, colors, x, y):
        """Areas between `levels` in `colors`, one more than levels; grid[i][j] is the number at x[j], y[i]."""
        left, low = self.at(x[0], y[0])
        right, high = self.at(x[-1], y[-1])
        self.parts.append(rectangle(left, high, right - left, low - high, colors[0]))
        places = [[self.at(x[j], y[i]) for j in range(len(x))] for i in range(len(y))]
        for level, color in zip(levels, colors[1:], strict=True):
            path = "".join(above(grid, level, places))
            if path:  # the stroke closes the hairlines between neighbors
                look = f'fill="{color}" stroke="{color}" stroke-width="7" transform="scale(.1)"'
                self.parts.append(f'<path d="{path}" {look}/>')

    def contour(self, grid, level, x, y, color="#000000", width=2):
        """The line on which a field crosses a level."""
        path = ""
        for a, b in level_lines(grid, level):
            path += "M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*self._inside(a, x, y), *self._inside(b, x, y))
        if path:
            self.parts.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>')

    def cell(self, column, row, columns, rows, color, text=""):
        """One cell of a table of colored cells, its text in black or white; row 0 is on top."""
        wide, tall = self.width / columns, self.height / rows
        left, top = self.left + column * wide, TOP + row * tall
        self.parts.append(rectangle(left, top, wide, tall, color, ' stroke="#ffffff" stroke-width="1"'))
        if text:
            ink = "#000000" if brightness(color) > 0.18 else "#ffffff"
            place = f'x="{left + wide / 2:.1f}" y="{top + tall / 2 + 4.5:.1f}"'
            self.parts.append(f'<text {place} text-anchor="middle" fill="{ink}">{html.escape(text)}</text>')

    def dot(self, x, y, color, text="", radius=10):
        """A point with a dark border, and a letter or two in it."""
        right, down = self.at(x, y)
        self.over.append(f'<circle cx="{right:.1f}" cy="{down:.1f}" r="{radius}" fill="{color}" stroke="#000000" '
                         'stroke-width="2"/>')  # fmt: skip
        if text:
            ink = "#000000" if brightness(color) > 0.18 else "#ffffff"
            self.over.append(f'<text x="{right:.1f}" y="{down + 4.5:.1f}" text-anchor="middle" fill="{ink}">'
                             f"{html.escape(text)}</text>")  # fmt: skip

    def bar(self, left, right, height, series=0):
        """A bar from 0 to `height` over the numbers from left to right."""
        (x0, y0), (x1, y1) = self.at(left, self.y.low), self.at(right, height)
        self.over.append(f'<path class="s{series}" d="M{(x0 + x1) / 2:.1f} {y0:.1f}V{y1:.1f}" '
                         f'stroke="{SERIES[series][0]}" stroke-width="{max(1.0, x1 - x0 - 1):.1f}"/>')  # fmt: skip

    def note(self, text):
        """A line of text below the panel."""
        self.legend.append(([], text))

    @property
    def size(self):
        """Width and height with margins and legend."""
        widest = CHARACTER * max([len(self.title) + 1, *(len(text) + 6 * bool(looks) for looks, text in self.legend)])
        below = self.bottom + LINE * len(self.legend) + (8 if self.legend else 0)
        return self.left + max(self.width, widest) + RIGHT, TOP + self.height + below

    def svg(self, left):
        """The panel as SVG elements."""
        rows = []
        for row, (looks, text) in enumerate(self.legend):
            down = TOP + self.height + self.bottom + LINE * row + 12
            rows += [f'<path d="M{self.left} {down - 4}h28" {look}/>' for look in looks]
            rows.append(words(text, self.left + (36 if looks else 0), down))
        return [f'<g transform="translate({left:.0f} 0)">', words(self.title, self.left, TOP - 12, weight=True),
                *self.parts, *self._scales(), *self.over, *rows, "</g>"]  # fmt: skip

    def _grid(self):
        lines = [(self.at(x, self.y.low), self.at(x, self.y.high)) for x in self.x.ticks()]
        lines += [(self.at(self.x.low, y), self.at(self.x.high, y)) for y in self.y.ticks()]
        path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in lines)
        self.parts.append(f'<path class="grid" d="{path}" stroke="{FAINT}"/>')

    def _scales(self):
        bottom, left = TOP + self.height, self.left
        path = f"M{left} {TOP}V{bottom}H{left + self.width}"
        found = [f'<path class="axis" d="{path}" fill="none" stroke="#777777"/>']
        for x in self.x.ticks():
            right = left + self.x.share(x) * self.width
            place = (right + 4, bottom + 8, "end") if self.turned else (right, bottom + 16, "middle")
            found.append(words(self.x.written(x), *place, turned=self.turned))
        for y in self.y.ticks():
            down = TOP + (1 - self.y.share(y)) * self.height
            found.append(words(self.y.written(y), left - 6, down + 4, "end"))
        found.append(words(self.x.name, left + self.width / 2, bottom + self.bottom - 11, "middle"))
        found.append(words(self.y.name, 13, TOP + self.height / 2, "middle", turned=True))
        return found

    def _inside(self, place, x, y):
        """The point at a place that counts cells."""
        column, row = min(int(place[0]), len(x) - 2), min(int(place[1]), len(y) - 2)
        return self.at(x[column] + (place[0] - column) * (x[column + 1] - x[column]),
                       y[row] + (place[1] - row) * (y[row + 1] - y[row]))  # fmt: skip


class Figure:
    """Panels side by side: shown in a notebook, printed as words, saved as .svg or .txt."""

    def __init__(self, title, panels, text=""):
        self.title, self.panels, self.text = title, list(panels), text or title

    @property
    def svg(self):
        """The picture as SVG text."""
        width = sum(panel.size[0] for panel in self.panels)
        height = max(panel.size[1] for panel in self.panels)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="Helvetica,Arial,sans-serif" font-size="13" '
            f'role="img">',
            f"<title>{html.escape(self.title)}</title>",
            STYLE,
            f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" fill="{PAPER}"/>',
        ]
        left = 0.0
        for panel in self.panels:
            parts += panel.svg(left)
            left += panel.size[0]
        return "\n".join([*parts, "</svg>\n"])

    def __str__(self):
        return self.text

    __repr__ = __str__

    def save(self, path):
        """Write the picture, as .svg or .txt; the path. Raises ValueError for another suffix."""
        path = Path(path)
        if path.suffix not in (".svg", ".txt"):
            raise ValueError(f"A plot is saved as .svg or .txt; `{path.name}` ends in {path.suffix!r}.")
        path.write_text(self.svg if path.suffix == ".svg" else self.text + "\n", encoding="utf-8")
        return path

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/svg+xml": self.svg, "text/plain": self.text}


# Elements, colors, words ----------------------------------------------------------------------------------------------


def rectangle(x, y, width, height, color, more=""):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"{more}/>'


def words(text, x, y, anchor="start", weight=False, turned=False):
    """A text element, "" for no text."""
    if not text:
        return ""
    more = "" if anchor == "start" else f' text-anchor="{anchor}"'
    more += ' font-weight="bold"' if weight else ""
    more += f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return f'<text class="ink" x="{x:.1f}" y="{y:.1f}" fill="{INK}"{more}>{html.escape(text)}</text>'


def mixed(share, start=MIDDLE, end=HIGH):
    """The color at a share of the way between two, as #rrggbb."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(start, end, strict=True))


def diverging(share):
    """Orange at 0, white at 0.5, blue at 1."""
    return mixed(2 * share - 1) if share > 0.5 else mixed(1 - 2 * share, MIDDLE, LOW)


def brightness(color):
    """The relative luminance of #rrggbb: black 0, white 1."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
