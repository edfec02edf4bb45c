"""Level 4, the PyTorch reference: the same names; a DataLoader makes the batches, tensors count and merge the pairs.

What changed   windows are a Dataset, their order is the sampler of a DataLoader, a vocabulary is torch.unique. All
               pieces of a text lie in one tensor, with -1 between them, and every merge recounts all of it.
What it buys   an oracle that shares no line with the levels below. Run this file to see it beside level 3.
What it costs  torch, some hundreds of megabytes to install; a DataLoader that asks for each row by itself; and a full
               recount for every merge. Here everything is loaded, too: the tests of memory do not apply to it.
"""

import re
from collections import Counter

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, default_collate

PIECE = re.compile(r" ?\w+| ?[^\w\s]+|\s+")
BORDER = -1  # stands between two pieces, and is in no pair


class CharTokenizer:
    def __init__(self, text):
        self.points = torch.unique(code_points(text))  # sorted
        self.vocab_size = len(self.points)

    def encode(self, text):
        points = code_points(text)
        ids = torch.searchsorted(self.points, points)
        for place in torch.nonzero(~torch.isin(points, self.points)).flatten().tolist():
            raise ValueError(f"{text[place]!r} at place {place} is not one of the {self.vocab_size} known characters")
        return ids.tolist()

    def decode(self, ids):
        return "".join(map(chr, self.points[in_range(ids, self.vocab_size)].tolist()))


def train_validation_split(data, share=0.9):
    border = int(len(data) * share)
    return data[:border], data[border:]


class Windows(Dataset):
    """Window k of some ids: block_size of them, and those one place further on."""

    def __init__(self, ids, block_size):
        self.rows = torch.tensor(np.array(ids, dtype=np.int64))
        if len(self.rows) <= block_size:
            raise ValueError(f"{len(self.rows)} ids are too few for one window of {block_size} and the id after it")
        self.rows = self.rows.unfold(0, block_size + 1, block_size)  # overlap by one: the last y is the next x

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, k):
        return self.rows[k, :-1], self.rows[k, 1:]


def order_of(windows, seed):
    """The order of the windows, as a sampler takes it."""
    count = len(windows)
    return list(range(count)) if seed is None else np.random.default_rng(seed).permutation(count).tolist()


def batches(ids, batch_size, block_size, seed=None, drop_last=False):
    windows = Windows(ids, block_size)
    for x, y in DataLoader(windows, batch_size, sampler=order_of(windows, seed), drop_last=drop_last):
        yield x.numpy(), y.numpy()


def count_pairs(ids):
    pairs, counts = torch.unique(pairs_of(torch.tensor(list(ids), dtype=torch.int64)), dim=0, return_counts=True)
    return dict(zip(map(tuple, pairs.tolist()), counts.tolist(), strict=True))


def merge(ids, pair, new_id):
    return merged(torch.tensor(list(ids), dtype=torch.int64), pair, new_id)[0].tolist()


def learn_merges(text, count):
    times = Counter(PIECE.findall(text))
    flat = in_one_tensor(times)
    weight = torch.cat([torch.full((len(as_bytes(piece)) + 1,), n) for piece, n in times.items()] or [flat])
    merges = []
    while len(merges) < count:
        pairs = pairs_of(flat)
        within = (pairs != BORDER).all(1)
        kinds, which = torch.unique(pairs[within], dim=0, return_inverse=True)
        totals = torch.zeros(len(kinds), dtype=torch.int64).index_add(0, which, weight[:-1][within])
        if not len(kinds) or totals.max() < 2:
            break
        best = tuple(kinds[torch.nonzero(totals == totals.max())[0, 0]].tolist())  # unique sorts: the smallest
        flat, kept = merged(flat, best, 256 + len(merges))
        weight = weight[kept]
        merges.append(best)
    return merges


class BytePairTokenizer:
    def __init__(self, merges=()):
        self.merges = [tuple(pair) for pair in merges]
        self.vocab_size = 256 + len(self.merges)
        self.tokens = [bytes([byte]) for byte in range(256)]
        for left, right in self.merges:
            self.tokens.append(self.tokens[left] + self.tokens[right])

    def encode(self, text):
        flat = in_one_tensor(PIECE.findall(text))
        for k, pair in enumerate(self.merges):
            flat, _ = merged(flat, pair, 256 + k)
        return flat[flat != BORDER].tolist()

    def decode(self, ids):
        data = b"".join(self.tokens[id] for id in in_range(ids, self.vocab_size).tolist())
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")


def encode_file(tokenizer, text_path, ids_path):
    if tokenizer.vocab_size > 2**16:
        raise ValueError(f"{tokenizer.vocab_size} ids do not fit into 16 bits")
    with open(text_path, "rb") as source:
        ids = tokenizer.encode(source.read().decode("utf-8"))
    np.array(ids, dtype="<u2").tofile(ids_path)
    return len(ids)


def open_ids(path):
    ids = np.fromfile(path, dtype="<u2")
    ids.flags.writeable = False
    return ids


class BatchStream:
    def __init__(self, ids, batch_size, block_size, seed=None, drop_last=False):
        self.windows = Windows(ids, block_size)
        self.batches = list(BatchSampler(order_of(self.windows, seed), batch_size, drop_last))

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, k):
        x, y = default_collate([self.windows[row] for row in self.batches[k]])
        return x.numpy(), y.numpy()


# Shared ---------------------------------------------------------------------------------------------------------------


def as_bytes(text):
    return list(text.encode("utf-8", "surrogatepass"))


def code_points(text):
    return torch.tensor([ord(character) for character in text], dtype=torch.int64)


def in_range(ids, size):
    """The ids as a tensor. Raises ValueError for the first that is below 0 or not below `size`."""
    ids = torch.tensor([int(id) for id in ids], dtype=torch.int64)
    for id in ids[(ids < 0) | (ids >= size)].tolist():
        raise ValueError(f"id {id} is not one of 0 to {size - 1}")
    return ids


def in_one_tensor(pieces):
    """The bytes of all pieces in a row, with BORDER after each piece."""
    return torch.tensor([id for piece in pieces for id in (*as_bytes(piece), BORDER)], dtype=torch.int64)


def pairs_of(flat):
    """Every two neighbors: (n - 1, 2)."""
    return torch.stack([flat[:-1], flat[1:]], dim=1)


def merged(flat, pair, new_id):
    """(flat with new_id for each `pair`, which entries are left)."""
    places = torch.nonzero((pairs_of(flat) == torch.tensor(pair)).all(1)).flatten()
    if pair[0] == pair[1]:  # then places can overlap: of a row of them, every other one counts
        free, kept = -1, []
        for place in places.tolist():
            if place >= free:
                kept.append(place)
                free = place + 2
        places = torch.tensor(kept, dtype=torch.int64)
    flat, left = flat.clone(), torch.ones(len(flat), dtype=torch.bool)
    flat[places], left[places + 1] = new_id, False
    return flat[left], left


def main():
    from pathlib import Path
    from pydoc_data.topics import topics

    from utils.course.loading import load

    level3 = load(Path(__file__).with_name("level03-streamed.py"))
    text = "".join(topics[name] for name in sorted(topics))[:50_000]
    merges = level3.learn_merges(text, 100)
    print(
        f"100 merges, kept counts against a full recount: {'equal' if merges == learn_merges(text, 100) else 'differ'}"
    )
    tokenizer = level3.BytePairTokenizer(merges)
    ids = tokenizer.encode(text)
    print(f"{len(text)} characters, {len(ids)} ids; decoded: {'equal' if tokenizer.decode(ids) == text else 'differ'}")
    stream = level3.BatchStream(ids, batch_size=8, block_size=32, seed=1)
    equal = [
        torch.equal(torch.from_numpy(mine), torch.from_numpy(theirs))
        for pair, other in zip(stream, batches(ids, 8, 32, seed=1), strict=True)
        for mine, theirs in zip(pair, other, strict=True)
    ]
    print(f"{len(stream)} batches against a DataLoader: {sum(equal)} of {len(equal)} arrays are equal")


if __name__ == "__main__":
    main()
