"""Level 1, naive: characters, two parts of a text, and windows cut one after the other.

What changed   nothing yet: this is the start. A vocabulary is a sorted text, and an id is a place in it.
What it buys   the whole idea in thirty lines: text to ids and back, a part that is never learned from, and pairs in
               which y is one place ahead of x.
What it costs  every character is searched for in the vocabulary from its start. A character that was not in the text is
               refused. And batches come in the order of the text: a hundred rows in a row are about the same thing.
"""

import numpy as np


class CharTokenizer:
    def __init__(self, text):
        self.characters = "".join(sorted(set(text)))  # sorted, since a set has an order of its own in every run
        self.vocab_size = len(self.characters)

    def encode(self, text):
        ids = []
        for place, character in enumerate(text):
            if character not in self.characters:
                raise ValueError(f"{character!r} at place {place} is not one of the {self.vocab_size} known characters")
            ids.append(self.characters.index(character))
        return ids

    def decode(self, ids):
        characters = []
        for id in ids:
            if not 0 <= id < self.vocab_size:  # -1 would be the last character, without a word
                raise ValueError(f"id {id} is not one of 0 to {self.vocab_size - 1}")
            characters.append(self.characters[id])
        return "".join(characters)


def train_validation_split(data, share=0.9):
    border = int(len(data) * share)
    return data[:border], data[border:]


def batches(ids, batch_size, block_size, seed=None, drop_last=False):
    windows = (len(ids) - 1) // block_size  # the last id of all can only ever be an answer
    if windows < 1:
        raise ValueError(f"{len(ids)} ids are too few for one window of {block_size} and the id after it")
    x, y = [], []
    for k in range(windows):
        start = k * block_size
        x.append(ids[start : start + block_size])
        y.append(ids[start + 1 : start + 1 + block_size])
        if len(x) == batch_size or k == windows - 1:
            yield np.array(x, dtype=np.int64), np.array(y, dtype=np.int64)
            x, y = [], []
