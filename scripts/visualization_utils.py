"""Pictures for a notebook or a script of your own: training curves, loss landscapes, SVD analysis, and what else helps.

    from scripts.visualization_utils import loss_landscape, svd_analysis, training_curves

    training_curves, decision_boundary, gradient_histograms, confusion_map, attention_map, curves, spark
                               from utils/plots.py, which needs no package at all and says how each is called
    loss_landscape(loss, ...)  over two numbers as there, or a slice through any number of parameters
    svd_analysis(matrix)       its singular values, and how many of them matter

Each gives a picture that shows itself in a notebook, prints as words, and is written by `.save("name.svg")`.
"""

import numpy as np

from utils import plots
from utils.plots import (
    attention_map,
    confusion_map,
    curves,
    decision_boundary,
    gradient_histograms,
    singular_values,
    spark,
    training_curves,
)

__all__ = [
    "attention_map", "confusion_map", "curves", "decision_boundary", "gradient_histograms", "loss_landscape",
    "singular_values", "spark", "svd_analysis", "training_curves",
]  # fmt: skip


def loss_landscape(loss, x=(-1.0, 1.0), y=(-1.0, 1.0), *, around=None, paths=None, seed=0, **how):
    """A picture of a loss over a plane.

    Without `around`: loss(x, y) of two numbers, as utils.plots.loss_landscape. With `around`, a list of arrays:
    loss(arrays) over the plane through them. `paths`, {name: list of such lists}, are drawn upon it, each point where
    it falls when seen from straight above. The plane holds the two directions in which the paths spread most; without
    paths two random ones, in each array as long as that array, so that a step of 1 doubles it. Raises ValueError for
    paths that never move.
    """
    if around is None:
        return plots.loss_landscape(loss, x, y, paths=paths, **how)
    center = _flat(around)
    ways = {name: np.array([_flat(point) - center for point in way]) for name, way in (paths or {}).items()}
    first, second = _widest(np.concatenate(list(ways.values()))) if ways else _random(around, seed)
    # Both directions are at right angles, so a point's place is its product with each.
    seen = {name: way @ np.stack([first / (first @ first), second / (second @ second)]).T for name, way in ways.items()}
    if seen:
        every = np.concatenate([*seen.values(), [[0.0, 0.0]]])
        room = 0.2 * np.maximum(np.ptp(every, axis=0), 1e-9)
        (x, y) = zip(every.min(axis=0) - room, every.max(axis=0) + room, strict=True)
    how = {"names": ("first direction", "second direction"), "cells": 20} | how
    return plots.loss_landscape(
        lambda a, b: loss(_shaped(center + a * first + b * second, around)), x, y, paths=seen, **how
    )


def svd_analysis(matrix, title="Singular values"):
    """A picture of the singular values of a matrix, and of the share of its squares that the first k hold.

    Raises ValueError for what is no matrix, or holds a nan or an infinity.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise ValueError(f"svd_analysis takes a matrix of finite numbers; this has the shape {matrix.shape}.")
    return singular_values(
        np.linalg.svd(matrix, compute_uv=False), title=f"{title}, {matrix.shape[0]}×{matrix.shape[1]}"
    )


def _flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).astype(float)


def _shaped(flat, like):
    """The list of arrays that stand one after another in a flat one."""
    ends = np.cumsum([np.size(array) for array in like])[:-1]
    return [piece.reshape(np.shape(array)) for piece, array in zip(np.split(flat, ends), like, strict=True)]


def _widest(points):
    """The two directions in which points spread most (their first principal components)."""
    directions = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]
    if not np.ptp(points, axis=0).any():
        raise ValueError("The paths never move, so they span no plane.")
    # Which way a direction points is left open by its definition; here its largest number is positive.
    return [direction * np.sign(direction[np.abs(direction).argmax()]) for direction in directions[:2]]


def _random(arrays, seed):
    """Two random directions at right angles, in each array as long as the array itself (Li et al. 2018, by array)."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(2):
        pieces = []
        for array in arrays:
            draw = rng.standard_normal(np.shape(array))
            pieces.append(draw * np.linalg.norm(array) / np.linalg.norm(draw))
        found.append(_flat(pieces))
    first, second = found
    return first, second - first * (first @ second) / (first @ first)
