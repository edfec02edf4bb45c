"""Level 3, streamed: counts that are kept from merge to merge, and files that are never loaded as a whole.

What changed   `learn_merges` counts once, every different piece only once, and remembers in which pieces a pair stands;
               a merge touches these pieces alone, and a heap knows the next pair. A file of text is encoded chunk by
               chunk into a file of 2 bytes an id, and batches are read from it by number.
What it buys   100 merges on Python's own documentation in a hundredth of level 2's time. And batches of 32 windows of
               64 ids, from a file of 2,000,000 ids, hold 0.34 MB instead of level 2's 17 MB.
What it costs  two tables that must agree after every merge, where level 2 has nothing to remember. 8 bytes for each
               window, for the shuffled order: of all that is held, only this grows with the file. And a file of ids
               belongs to one tokenizer: with another one it is noise.
"""

import heapq
import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np

PIECE = re.compile(r" ?\w+| ?[^\w\s]+|\s+")
CHUNK = 16_384  # characters read at a time
KEPT = 65_536  # pieces whose ids are remembered


class CharTokenizer:
    def __init__(self, text):
        self.characters = "".join(sorted(set(text)))
        self.vocab_size = len(self.characters)
        self.ids = {character: id for id, character in enumerate(self.characters)}

    def encode(self, text):
        try:
            return [self.ids[character] for character in text]
        except KeyError as unknown:
            character = unknown.args[0]
            place = text.index(character)
        raise ValueError(f"{character!r} at place {place} is not one of the {self.vocab_size} known characters")

    def decode(self, ids):
        return "".join(self.characters[id] for id in known(ids, self.vocab_size))


def train_validation_split(data, share=0.9):
    border = int(len(data) * share)
    return data[:border], data[border:]


def batches(ids, batch_size, block_size, seed=None, drop_last=False):
    return iter(BatchStream(ids, batch_size, block_size, seed, drop_last))


def count_pairs(ids):
    counts = {}
    for pair in pairwise(ids):
        counts[pair] = counts.get(pair, 0) + 1
    return counts


def merge(ids, pair, new_id):
    merged, place = [], 0
    while place < len(ids):
        if tuple(ids[place : place + 2]) == tuple(pair):
            merged.append(new_id)
            place += 2  # past both: in "aaa" the middle a is used up
        else:
            merged.append(ids[place])
            place += 1
    return merged


def learn_merges(text, count):
    times = Counter(match.group() for match in PIECE.finditer(text))  # no list of all pieces
    pieces, times = [as_bytes(piece) for piece in times], list(times.values())
    totals, holders = Counter(), defaultdict(set)  # pair -> how often; pair -> numbers of pieces that may hold it
    for number, piece in enumerate(pieces):
        for pair, here in count_pairs(piece).items():
            totals[pair] += here * times[number]
            holders[pair].add(number)
    heap = [(-total, pair) for pair, total in totals.items()]  # the most frequent first, of equals the smallest pair
    heapq.heapify(heap)
    merges = []
    while heap and len(merges) < count:
        total, best = heapq.heappop(heap)
        if -total != totals[best]:
            continue  # an old note: the pair was counted anew since then, and has a newer one
        if -total < 2:
            break
        changed = set()
        for number in holders.pop(best):
            before = count_pairs(pieces[number])
            pieces[number] = merge(pieces[number], best, 256 + len(merges))
            after = count_pairs(pieces[number])
            for pair in before.keys() | after.keys():
                totals[pair] += (after.get(pair, 0) - before.get(pair, 0)) * times[number]
                changed.add(pair)
            for pair in after:
                holders[pair].add(number)
        for pair in changed:
            heapq.heappush(heap, (-totals[pair], pair))
        merges.append(best)
    return merges


class BytePairTokenizer:
    def __init__(self, merges=()):
        self.merges = [tuple(pair) for pair in merges]
        self.vocab_size = 256 + len(self.merges)
        self.ranks = {pair: k for k, pair in enumerate(self.merges)}
        self.tokens = [bytes([byte]) for byte in range(256)]
        for left, right in self.merges:
            self.tokens.append(self.tokens[left] + self.tokens[right])
        self.kept = {}  # piece -> ids: most words of a text have been seen before

    def encode(self, text):
        found = []
        for match in PIECE.finditer(text):
            piece = match.group()
            if piece not in self.kept:
                if len(self.kept) >= KEPT:
                    self.kept.clear()  # so that a long file cannot fill the memory with its rare words
                self.kept[piece] = self.ids_of(piece)
            found += self.kept[piece]
        return found

    def ids_of(self, piece):
        """The ids of one piece: of the pairs that it holds, the one learned first is merged, until none is left."""
        ids = as_bytes(piece)
        while pairs := [pair for pair in pairwise(ids) if pair in self.ranks]:
            best = min(pairs, key=self.ranks.get)
            ids = merge(ids, best, 256 + self.ranks[best])
        return ids

    def decode(self, ids):
        return as_text(b"".join(self.tokens[id] for id in known(ids, self.vocab_size)))


def encode_file(tokenizer, text_path, ids_path):
    if tokenizer.vocab_size > 2**16:
        raise ValueError(f"{tokenizer.vocab_size} ids do not fit into 16 bits")
    count, rest = 0, ""
    # newline="": no line ending is translated. Python keeps half a character back until the rest of it has been read.
    with open(text_path, encoding="utf-8", newline="") as source, open(ids_path, "wb") as target:
        while chunk := source.read(CHUNK):
            pieces = PIECE.findall(rest + chunk)
            rest = pieces.pop()  # where the last piece ends is not known before the next chunk
            count += write_ids(target, tokenizer.encode("".join(pieces)))
        return count + write_ids(target, tokenizer.encode(rest))


def open_ids(path):
    return np.memmap(path, dtype="<u2", mode="r")


class BatchStream:
    def __init__(self, ids, batch_size, block_size, seed=None, drop_last=False):
        self.ids = ids if isinstance(ids, np.ndarray) else np.asarray(ids)
        self.batch_size, self.block_size = batch_size, block_size
        windows = (len(ids) - 1) // block_size
        if windows < 1:
            raise ValueError(f"{len(ids)} ids are too few for one window of {block_size} and the id after it")
        self.order = np.arange(windows) if seed is None else np.random.default_rng(seed).permutation(windows)
        self.count = windows // batch_size if drop_last else -(-windows // batch_size)

    def __len__(self):
        return self.count

    def __getitem__(self, k):
        if not 0 <= k < self.count:
            raise IndexError(f"batch {k} of {self.count}")
        rows = self.order[k * self.batch_size : (k + 1) * self.batch_size]
        places = rows[:, None] * self.block_size + np.arange(self.block_size)  # (rows, block_size)
        # Only these places are read; the ids of a file become int64 here, a batch at a time.
        return np.array(self.ids[places], dtype=np.int64), np.array(self.ids[places + 1], dtype=np.int64)


# Shared ---------------------------------------------------------------------------------------------------------------


def as_bytes(text):
    """The UTF-8 bytes of a text as a list of numbers; half of a surrogate pair becomes three bytes like any other."""
    return list(text.encode("utf-8", "surrogatepass"))


def as_text(data):
    """The text of some bytes; what is no text becomes U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def known(ids, size):
    """Each of the ids. Raises ValueError for the first that is below 0 or not below `size`."""
    for id in ids:
        if not 0 <= id < size:
            raise ValueError(f"id {id} is not one of 0 to {size - 1}")
        yield id


def write_ids(target, ids):
    """Write ids into an open file, 2 bytes each; their number."""
    target.write(np.array(ids, dtype="<u2").tobytes())
    return len(ids)
