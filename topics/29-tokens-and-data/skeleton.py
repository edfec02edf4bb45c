"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 29` copies this file to `workspace/tokens_and_data.py`. You work there. Nothing in it is ever
overwritten.

Words used: an *id* is a whole number that stands for a piece of text, a *token*; ids count from 0. `ids` is a list of
ids or an array of them. A *place* is a position, counted from 0.
"""

import re

import numpy as np  # noqa: F401

# Given, for level 2: the pieces of a text. A piece is a word or a run of signs, with the one space before it, or a run
# of white space. `PIECE.findall(text)` lists them; joined together they are the text again.
PIECE = re.compile(r" ?\w+| ?[^\w\s]+|\s+")

# Level 1: characters, two parts, batches ------------------------------------------------------------------------------


class CharTokenizer:
    """One id for each character.

    The vocabulary are the different characters of the given text, sorted; the id of a character is its place among
    them. `vocab_size`, an attribute, says how many there are.
    """

    def __init__(self, text):
        raise NotImplementedError("CharTokenizer")

    def encode(self, text):
        """The ids of a text, as a list. Raises ValueError that names the first unknown character and its place."""
        raise NotImplementedError("CharTokenizer.encode")

    def decode(self, ids):
        """The text of some ids. Raises ValueError that names the first id that is below 0 or not below vocab_size."""
        raise NotImplementedError("CharTokenizer.decode")


def train_validation_split(data, share=0.9):
    """(train, validation): the first int(len(data) * share) items of a text, list or array, and all the others."""
    raise NotImplementedError("train_validation_split")


def batches(ids, batch_size, block_size, seed=None, drop_last=False):
    """Go once through `ids` in batches (x, y): y is what comes after x.

    Window k, counted from 0, has as its x the block_size ids from place k*block_size on, and as its y those from one
    place further on. There are as many windows as have all of their y. A batch is batch_size windows, one a row: x and
    y are new arrays of int64, (batch_size, block_size). The last batch has the rows that are left. Gives back anything
    that a `for` can go through, of such pairs. Raises ValueError where there is no window at all; it may wait with
    that until the first batch is asked for.

    Level 1: window after window. Level 2: with a seed, row after row, in the order
    `np.random.default_rng(seed).permutation(number of windows)`; and with drop_last a batch of fewer than batch_size
    rows is left out.
    """
    raise NotImplementedError("batches")


# Level 2: byte-pair encoding ------------------------------------------------------------------------------------------


def count_pairs(ids):
    """How often two ids stand side by side: a dict of (left, right) and a count, for every pair that occurs."""
    raise NotImplementedError("count_pairs")


def merge(ids, pair, new_id):
    """A new list in which new_id stands for the two ids of `pair`, from left to right; each id is used once."""
    raise NotImplementedError("merge")


def learn_merges(text, count):
    """The pairs of ids that are worth an id of their own, in the order in which they are found; at most `count`.

    At the start, every piece of the text is the list of its UTF-8 bytes. Again and again: find the pair that stands
    side by side most often, within pieces, over all pieces of the text as often as they occur; among equals take the
    smallest pair, as Python compares tuples. The first pair that is found gets the id 256, the next one 257, and so on;
    merge it in every piece. Stops early when no pair occurs twice. (Gage 1994; Sennrich, Haddow and Birch 2016.)
    """
    raise NotImplementedError("learn_merges")


class BytePairTokenizer:
    """Ids 0 to 255 are the bytes; id 256 + k is the pair merges[k]. Every text can be encoded.

    `merges` is what learn_merges gives; a pair may also be a list of two, as JSON makes it. `vocab_size`, an attribute,
    is 256 and the number of merges.
    """

    def __init__(self, merges=()):
        raise NotImplementedError("BytePairTokenizer")

    def encode(self, text):
        """The ids of a text, as a list: in the bytes of each piece, every merge is made, in the order of `merges`.

        Half of a surrogate pair, which a Python text can hold and UTF-8 cannot, becomes the three bytes of
        "surrogatepass".
        """
        raise NotImplementedError("BytePairTokenizer.encode")

    def decode(self, ids):
        """The text of some ids, so that decode(encode(text)) == text for every text.

        All bytes are joined before they are read. Bytes that are no text (a model may say anything) become U+FFFD, as
        by `errors="replace"`. Raises ValueError that names the first id that is below 0 or not below vocab_size.
        """
        raise NotImplementedError("BytePairTokenizer.decode")


# Level 3: counts that are kept, files that are not loaded -------------------------------------------------------------

# `learn_merges`: the same merges, but after a merge only the pieces that hold its pair are counted again.


def encode_file(tokenizer, text_path, ids_path):
    """Encode a file of UTF-8 text into a file of ids, and say how many; the ids are those of the whole text.

    `tokenizer` is any object with `encode` and `vocab_size` that treats each piece by itself, as both of the above do.
    The file of ids holds each as an unsigned 16-bit number, low byte first ("<u2" in NumPy), and nothing else. No line
    ending is changed. At most 16,384 characters are read at a time, and no list holds all ids. Raises ValueError where
    vocab_size is above 65,536, and for a file that is not UTF-8.
    """
    raise NotImplementedError("encode_file")


def open_ids(path):
    """The ids in a file that encode_file has written: an array that can be read and not written, and is not loaded."""
    raise NotImplementedError("open_ids")


class BatchStream:
    """The batches of `batches`, by number: stream[k] reads batch k, and nothing is read before it is asked for.

    `ids` may be what open_ids gives, or a part of it; it is never copied as a whole. What is kept beside it is the
    order of the windows. The same stream can be gone through any number of times, always in the same order. Raises
    ValueError where there is no window at all.
    """

    def __init__(self, ids, batch_size, block_size, seed=None, drop_last=False):
        raise NotImplementedError("BatchStream")

    def __len__(self):
        """The number of batches."""
        raise NotImplementedError("BatchStream.__len__")

    def __getitem__(self, k):
        """Batch k, counted from 0: the pair (x, y). Raises IndexError from len(stream) on; so a `for` ends there."""
        raise NotImplementedError("BatchStream.__getitem__")
