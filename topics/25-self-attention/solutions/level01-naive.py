"""Level 1, naive: one head, one query and one key at a time.

What it is     the definition, written down: a score for every pair, a softmax for every query, a weighted sum.
What it buys   every number can be followed with a pencil.
What it costs  Python does T * S dot products one after the other; no batch, no mask but the causal one, no gradient.
"""

import math

import numpy as np


def attention_weights(queries, keys, causal=False):
    weights = np.zeros((len(queries), len(keys)))  # (T, S)
    for t, query in enumerate(queries):
        last = t + 1 if causal else len(keys)
        scores = [float(np.dot(query, key)) / math.sqrt(len(query)) for key in keys[:last]]
        largest = max(scores)  # exp of a difference that is at most 0 never overflows
        powers = [math.exp(score - largest) for score in scores]
        total = sum(powers)
        weights[t, : len(powers)] = [power / total for power in powers]
    return weights


def attention(queries, keys, values, causal=False):
    output = np.zeros((len(queries), values.shape[1]))  # (T, C)
    for t, row in enumerate(attention_weights(queries, keys, causal)):
        for weight, value in zip(row, values, strict=True):
            output[t] += weight * value
    return output
