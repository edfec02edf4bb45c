"""Ids as one row with borders in it, tokens as bytes in a dict, batches cut from a list of windows."""

import re
from collections import Counter

import numpy as np

PIECE = re.compile(r" ?\w+| ?[^\w\s]+|\s+")
BORDER = -1


class CharTokenizer:
    def __init__(self, text):
        points = np.unique([ord(character) for character in text]).astype(int)
        self.known = {chr(point): place for place, point in enumerate(points)}

    @property
    def vocab_size(self):
        return len(self.known)

    def encode(self, text):
        unknown = [(place, c) for place, c in enumerate(text) if c not in self.known]
        if unknown:
            place, character = unknown[0]
            raise ValueError(f"text[{place}] is U+{ord(character):04X}, which is not in the vocabulary")
        return [self.known[c] for c in text]

    def decode(self, ids):
        back = {place: c for c, place in self.known.items()}
        try:
            return "".join(back[int(id)] for id in ids)
        except KeyError as error:
            raise ValueError(f"there is no id {error}") from None


def train_validation_split(data, share=0.9):
    train = data[: int(len(data) * share)]
    return train, data[len(train) :]


def batches(ids, batch_size, block_size, seed=None, drop_last=False):
    windows = [ids[k : k + block_size + 1] for k in range(0, len(ids) - block_size, block_size)]
    if not windows:
        raise ValueError("no window")
    if seed is not None:
        windows = [windows[k] for k in np.random.default_rng(seed).permutation(len(windows))]
    made = []
    while windows:
        rows, windows = np.array(windows[:batch_size], dtype=np.int64), windows[batch_size:]
        if len(rows) == batch_size or not drop_last:
            made.append([rows[:, :-1], rows[:, 1:]])
    return made


def count_pairs(ids):
    return Counter((ids[k - 1], ids[k]) for k in range(1, len(ids)))


def merge(ids, pair, new_id):
    rest, out = list(ids)[::-1], []
    while rest:
        left = rest.pop()
        if rest and (left, rest[-1]) == (pair[0], pair[1]):
            rest.pop()
            left = new_id
        out.append(left)
    return out


def row_of(text):
    row = []
    for piece in PIECE.findall(text):
        row += [*piece.encode("utf-8", errors="surrogatepass"), BORDER]
    return row


def learn_merges(text, count):
    row, found = row_of(text), {}
    while len(found) < count:
        pairs = {pair: n for pair, n in count_pairs(row).items() if BORDER not in pair and n > 1}
        if not pairs:
            break
        most = max(pairs.values())
        best = min(pair for pair, n in pairs.items() if n == most)
        found[best] = 256 + len(found)
        row = merge(row, best, found[best])
    return list(found)


class BytePairTokenizer:
    def __init__(self, merges=()):
        self.pairs = [(int(a), int(b)) for a, b in merges]
        self.vocab_size = len(self.pairs) + 256

    def encode(self, text):
        row = row_of(text)
        for k, pair in enumerate(self.pairs):
            row = merge(row, pair, 256 + k)
        return [id for id in row if id != BORDER]

    def decode(self, ids):
        stack, data = [int(id) for id in ids][::-1], bytearray()
        while stack:
            id = stack.pop()
            if id < 0 or id >= self.vocab_size:
                raise ValueError(id)
            if id < 256:
                data.append(id)
            else:
                left, right = self.pairs[id - 256]
                stack += [right, left]
        try:
            return data.decode("utf-8", "surrogatepass")
        except ValueError:
            return str(bytes(data), "utf-8", "replace")
