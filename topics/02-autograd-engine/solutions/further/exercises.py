"""One answer to exercises.md: matmul and conv2d on nested lists of Values, and an n-dimensional value made of Values.

What it buys   every array operation of the later topics, with gradients, out of scalar operations alone.
What it costs  one node for each single product and sum: a 100 x 100 matmul makes two million nodes. Topic 08 keeps one
               node for a whole array.
"""

from math import prod

from utils.engine import Value


def matmul(a, b):
    rows, inner, columns = len(a), len(b), len(b[0])
    if any(len(row) != inner for row in a):
        raise ValueError(f"rows of {len(a[0])} numbers cannot meet columns of {inner}")
    return [[sum(a[i][k] * b[k][j] for k in range(inner)) for j in range(columns)] for i in range(rows)]


def conv2d(images, kernels, stride=1, padding=0):
    # (images, channels, rows, columns) and (kernels, channels, kernel rows, kernel columns)
    height, width = len(images[0][0]), len(images[0][0][0])
    kernel_height, kernel_width = len(kernels[0][0]), len(kernels[0][0][0])
    if len(images[0]) != len(kernels[0]):
        raise ValueError(f"images of {len(images[0])} channels, but kernels of {len(kernels[0])}")
    out_height = (height + 2 * padding - kernel_height) // stride + 1
    out_width = (width + 2 * padding - kernel_width) // stride + 1
    results = []
    for image in images:
        maps = []
        for kernel in kernels:
            feature_map = []
            for top in range(out_height):
                row = []
                for left in range(out_width):
                    total = 0.0
                    for channel in range(len(kernel)):
                        for i in range(kernel_height):
                            for j in range(kernel_width):
                                y, x = top * stride + i - padding, left * stride + j - padding
                                # Outside the image lies padding: a product with 0 needs no node.
                                if 0 <= y < height and 0 <= x < width:
                                    total = image[channel][y][x] * kernel[channel][i][j] + total
                    row.append(total if isinstance(total, Value) else Value(total))
                feature_map.append(row)
            maps.append(feature_map)
        results.append(maps)
    return results


class NDValue:
    """An n-dimensional array of Values: a flat list of them, and a shape; a single number has the shape ()."""

    def __init__(self, nested):
        self.shape, numbers = _unpack(nested)
        self._values = [number if isinstance(number, Value) else Value(number) for number in numbers]

    @property
    def data(self):
        return _pack([value.data for value in self._values], self.shape)

    @property
    def grad(self):
        return _pack([value.grad for value in self._values], self.shape)

    def __add__(self, other):
        return self._elementwise(other, lambda a, b: a + b)

    def __mul__(self, other):
        return self._elementwise(other, lambda a, b: a * b)

    def sum(self):
        return NDValue(sum(self._values))

    def backward(self):
        if self.shape != ():
            raise ValueError(f"backward starts from a single number, not from shape {self.shape}; take the sum first")
        self._values[0].backward()

    def _elementwise(self, other, operation):
        if self.shape != other.shape:
            raise ValueError(f"shapes {self.shape} and {other.shape} differ")
        return NDValue(_pack([operation(a, b) for a, b in zip(self._values, other._values, strict=True)], self.shape))


def _unpack(nested):
    """(shape, flat list) of nested lists."""
    if not isinstance(nested, (list, tuple)):
        return (), [nested]
    parts = [_unpack(part) for part in nested]
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1:
        raise ValueError(f"the parts of one list have different shapes: {sorted(shapes)}")
    return (len(parts), *(shapes.pop() if shapes else ())), [number for _, flat in parts for number in flat]


def _pack(flat, shape):
    """Nested lists of a shape, from a flat list."""
    if shape == ():
        return flat[0]
    size = prod(shape[1:])
    return [_pack(flat[n * size : (n + 1) * size], shape[1:]) for n in range(shape[0])]
