"""What is there to beat: models that only count. The loss of interpolated n-grams (Witten and Bell, 1991)."""

import math
from collections import Counter, defaultdict


def witten_bell(train, validation, order, first=0):
    """The mean of -log(probability) of the characters of `validation` from place `first` on, after counting `train`.

    In nats a character. Looks at the order - 1 characters before each, or as many as there are. A context that was
    followed by c characters, t of them different, gives c / (c + t) of its trust to its own counts and the rest to the
    context that is one character shorter; below the empty one every known character is as likely as any other, and one
    that `train` does not hold is scored as one more that is known.
    """
    following = [defaultdict(Counter) for _ in range(order)]  # following[length][context][character]
    for length in range(order):
        for place in range(length, len(train)):
            following[length][train[place - length : place]][train[place]] += 1
    sums = [{context: counts.total() for context, counts in contexts.items()} for contexts in following]
    uniform, total = 1 / (len(set(train)) + 1), 0.0
    for place in range(first, len(validation)):
        probability = uniform
        for length in range(min(order, place + 1)):
            context = validation[place - length : place]
            if context not in sums[length]:
                break  # a longer one was not seen either
            counts, seen = following[length][context], sums[length][context]
            probability = (counts[validation[place]] + len(counts) * probability) / (seen + len(counts))
        total -= math.log(probability)
    return total / (len(validation) - first)
