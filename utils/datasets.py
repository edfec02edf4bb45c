"""The data that come with the course: `images, labels = digits()`."""

from pathlib import Path

TOPICS = Path(__file__).resolve().parents[1] / "topics"


def digits():
    """1,797 handwritten digits: images (1797, 8, 8) of whole numbers 0 to 16, labels (1797,) from 0 to 9.

    Where they come from, and their licence, says DATA.md beside the file.
    """
    import numpy as np

    (path,) = TOPICS.glob("*/data/digits.npz")
    with np.load(path) as archive:
        return archive["images"].astype(int), archive["labels"].astype(int)


def picture(image, characters=" .:-=+*#%@"):
    """One image (rows, columns) of numbers from 0 on as text, two characters a pixel."""
    most = max(1, max(max(row) for row in image))
    return "\n".join(
        "".join(2 * characters[round((len(characters) - 1) * float(pixel) / most)] for pixel in row).rstrip()
        for row in image
    )
