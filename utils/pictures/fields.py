"""Areas and level lines of a grid of numbers, as pieces of an SVG path; the grid is read as linear along its lines."""


def above(grid, level, places):
    """The area where a grid is at least `level`, as pieces of an SVG path; whole cells are joined along their row."""
    columns = len(grid[0]) - 1
    start = None
    for cell in _cells(grid):
        inside = [value >= level for _, value in cell]
        column, row = cell[0][0]
        if all(inside) and start is None:
            start = column
        if start is not None and (not all(inside) or column == columns - 1):
            end = column if not all(inside) else column + 1
            corners = [places[row][start], places[row][end], places[row + 1][end], places[row + 1][start]]
            yield _polygon(corners)
            start = None
        if any(inside) and not all(inside):
            corners = []
            for (place, a), (following, b) in zip(cell, cell[1:] + cell[:1], strict=True):
                here, there = places[place[1]][place[0]], places[following[1]][following[0]]
                if a >= level:
                    corners.append(here)
                if (a >= level) != (b >= level):
                    corners.append(_between(here, there, (level - a) / (b - a)))
            yield _polygon(corners)


def level_lines(grid, level):
    """Pairs of places, counted in cells, between which the grid crosses a level in a straight line."""
    for cell in _cells(grid):
        sides = zip(cell, cell[1:] + cell[:1], strict=True)
        met = [_between(p, q, (level - a) / (b - a)) for (p, a), (q, b) in sides if (a >= level) != (b >= level)]
        yield from zip(met[::2], met[1::2], strict=True)


def _cells(grid):
    """The four corners of each cell of a grid, in a circle: ((column, row), number)."""
    for i in range(len(grid) - 1):
        for j in range(len(grid[0]) - 1):
            yield [((c, r), grid[r][c]) for c, r in ((j, i), (j + 1, i), (j + 1, i + 1), (j, i + 1))]


def _between(a, b, share):
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def _polygon(corners):
    """A closed piece of path in whole tenths of a point, from each corner to the next: half as long as in decimals."""
    (x, y), *rest = [(round(10 * x), round(10 * y)) for x, y in corners]
    path = f"M{x} {y}l"
    for right, down in rest:
        path += f"{right - x} {down - y} "
        x, y = right, down
    return path.rstrip().replace(" -", "-") + "z"
