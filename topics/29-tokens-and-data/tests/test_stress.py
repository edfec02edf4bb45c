"""Levels 2 to 4 at random and at size: any Unicode, recounts, files, bytes of memory, a table that learns, PyTorch."""

import math
import random
import re
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from utils.course.costs import expect_at_most, peak_bytes
from utils.course.judging import expect, expect_refusals, expect_same

# CPU time is steadier than the clock on the wall, but on some systems it ticks too coarsely.
clock = time.process_time if time.get_clock_info("process_time").resolution < 1e-5 else time.perf_counter
PIECE = re.compile(r" ?\w+| ?[^\w\s]+|\s+")
ALPHABETS = (range(0x20), range(0x20, 0x7F), range(0x80, 0x800), range(0x800, 0x10000), range(0x10000, 0x110000),
             range(0xD800, 0xE000), [0x200D, 0xFE0F, 0x301, 0x85, 0x2028, 0xFEFF, 0, 0x1F468, 0x5D0])  # fmt: skip


def random_texts(seed, count):
    """Texts of code points from every plane, halves of surrogate pairs among them; short ones first."""
    chance = random.Random(seed)
    for number in range(count):
        yield "".join(chr(chance.choice(chance.choice(ALPHABETS))) for _ in range(number % 40))


def babble(seed, length, syllables=("ab", "ba", "a", " ", "  ", "\n", "\r\n", "é", "😀", "!", "ab ", "aaa", " \n ")):
    """A text of few syllables, in which many pairs come back and every border between two pieces is in question."""
    chance = random.Random(seed)
    return "".join(chance.choice(syllables) for _ in range(length))


def words(seed, kinds, length):
    """A text of words, frequent and rare ones, as languages have them."""
    chance = random.Random(seed)
    known = ["".join(chance.choice("aeioubdgklmnprst") for _ in range(chance.randint(3, 9))) for _ in range(kinds)]
    return " ".join(known[int(kinds * chance.random() ** 3)] for _ in range(length))


def slow_merge(ids, pair, new_id):
    text = " ".join(map(str, ids))
    return list(map(int, re.sub(rf"(?<!\d){pair[0]} {pair[1]}(?!\d)", str(new_id), text).split()))


def slow_merges(pieces, count):
    """The merges, from a full recount of all pieces (a Counter of lists of bytes as tuples) for each."""
    merges = []
    while len(merges) < count:
        totals = Counter()
        for piece, times in pieces.items():
            for pair in pairwise(piece):
                totals[pair] += times
        best = min(totals, key=lambda pair: (-totals[pair], pair), default=None)
        if best is None or totals[best] < 2:
            break
        renewed = Counter()
        for piece, times in pieces.items():
            changed = best in pairwise(piece)
            renewed[tuple(slow_merge(piece, best, 256 + len(merges))) if changed else piece] += times
        pieces = renewed
        merges.append(best)
    return merges


def pieces_of(text):
    return Counter(tuple(piece.encode("utf-8", "surrogatepass")) for piece in PIECE.findall(text))


def slow_ids(text, merges):
    found = []
    for piece in PIECE.findall(text):
        ids = list(piece.encode("utf-8", "surrogatepass"))
        for k, pair in enumerate(merges):
            ids = slow_merge(ids, pair, 256 + k)
        found += ids
    return found


def microseconds_of(call, times=3):
    """The processor's time for a call, the shortest of some; of one, if it is long."""
    shortest = math.inf
    for _ in range(times):
        started = clock()
        call()
        shortest = min(shortest, clock() - started)
        if shortest > 0.3:
            break
    return shortest * 1e6


def python_documentation(length):
    """The start of the texts that come with every Python; they differ by version."""
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))[:length]


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.decode", step="encode")
def test_any_unicode_text_goes_there_and_back(candidate):
    learned = candidate.learn_merges("".join(random_texts(1, 40)) * 2, 30)
    for merges, name in (((), "no merges"), (learned, "30 merges")):
        tokenizer = candidate.BytePairTokenizer(merges)
        for text in random_texts(2, 80):
            expect_same(f"decode(encode({text!r}))", lambda t=tokenizer, text=text: t.decode(t.encode(text)), text,
                        given=f"BytePairTokenizer, {name}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("learn_merges")
def test_random_texts_give_the_merges_of_a_full_recount(candidate):
    for seed in range(12):
        text = babble(seed, 10 + 8 * seed)
        expect_same(f"learn_merges({text!r}, 12)"[:120], lambda text=text: candidate.learn_merges(text, 12),
                    slow_merges(pieces_of(text), 12), given=f"a random text of {len(text)} characters")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.encode", step="encode")
def test_random_texts_are_encoded_merge_by_merge(candidate):
    merges = slow_merges(pieces_of(babble(20, 300)), 20)
    tokenizer = candidate.BytePairTokenizer(merges)
    for seed in range(21, 33):
        text = babble(seed, 5 * (seed - 20))
        expect_same(f"encode({text!r})"[:120], lambda text=text: tokenizer.encode(text), slow_ids(text, merges),
                    given="20 merges of another random text")  # fmt: skip


# Level 3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("learn_merges")
def test_kept_counts_give_the_merges_of_a_full_recount(candidate):
    runs = ("aaaa aaa aa a aaaaa", "abab ababab baba bab ab")
    for seed, text in enumerate((*runs, *(babble(n, 200) for n in range(50, 56)), words(9, 200, 600))):
        wanted = slow_merges(pieces_of(text), 60)
        expect_same("learn_merges(text, 60)", lambda text=text: candidate.learn_merges(text, 60), wanted,
                    given=f"text {seed}: {text[:30]!r}, {len(text)} characters")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("learn_merges")
def test_kept_counts_cost_a_fraction_of_a_recount(candidate):
    text = words(10, 2000, 6000)
    pieces = pieces_of(text)
    mine = microseconds_of(lambda: candidate.learn_merges(text, 120))
    recount = microseconds_of(lambda: slow_merges(pieces, 120), times=1)
    given = f"120 merges of {len(pieces)} different pieces, {len(text)} characters in all"
    expect_at_most("the time, compared with a full recount for each merge,", 0.5, mine, recount, given=given)


def expect_file(candidate, tmp_path, tokenizer, data, given):
    """Expect that a file with these bytes is encoded as the text that they are."""
    source, target = tmp_path / "text.txt", tmp_path / "ids.bin"
    source.write_bytes(data)
    wanted = tokenizer.encode(data.decode("utf-8"))
    count = candidate.encode_file(tokenizer, source, target)
    expect_same("the ids in the file", lambda: np.fromfile(target, dtype="<u2"), wanted, given=given)
    expect("the number that is given back", lambda: count, len(wanted), given=given)
    expect("bytes in the file", lambda: target.stat().st_size, 2 * len(wanted), given=given)


@pytest.mark.level3
@pytest.mark.about("encode_file")
def test_a_short_file_becomes_two_bytes_an_id(candidate, tmp_path):
    text = "one two\r\nthree\rfour\n\n"
    tokenizer = candidate.CharTokenizer(text)
    expect_file(candidate, tmp_path, tokenizer, text.encode(), f"a file {text!r}, by characters")
    expect_file(candidate, tmp_path, tokenizer, b"", "an empty file")
    merges = [(195, 169), (32, 97), (256, 256)]
    tokenizer = candidate.BytePairTokenizer(merges)
    for text in ("éé a", "a\r\na", "\ufeffé\x85\u2028 a"):
        expect_file(candidate, tmp_path, tokenizer, text.encode(), f"a file {text!r}, by {merges}")


@pytest.mark.level3
@pytest.mark.about("encode_file")
def test_no_chunk_ends_inside_a_character_or_a_piece(candidate, tmp_path):
    text = babble(40, 30_000)
    tokenizer = candidate.BytePairTokenizer(slow_merges(pieces_of(text[:3000]), 40))
    expect_file(candidate, tmp_path, tokenizer, text.encode(), f"a file of {len(text)} characters, 40 merges")
    letters = candidate.CharTokenizer("é€😀")
    for shift in range(4):  # characters of 2, 3 and 4 bytes: some chunk of bytes would end inside one of them
        data = ("é" * shift + "€😀" * 12_000).encode()
        expect_file(candidate, tmp_path, letters, data, f"a file of {len(data)} bytes, 2 to 4 for each character")
    long = "ab" * 20_000
    tokenizer = candidate.BytePairTokenizer([(97, 98), (98, 97), (256, 256)])
    expect_file(candidate, tmp_path, tokenizer, long.encode(), "a file that is one word of 40000 letters")


@pytest.mark.level3
@pytest.mark.about("encode_file")
def test_what_does_not_fit_into_the_file_is_refused(candidate, tmp_path):
    source, target = tmp_path / "text.txt", tmp_path / "ids.bin"
    source.write_bytes(b"abc")

    class Large:
        vocab_size = 65_537

        def encode(self, text):
            return [65_536 for _ in text]

    tokenizer = candidate.BytePairTokenizer()
    expect("the number of ids", lambda: candidate.encode_file(tokenizer, source, target), 3, given='a file "abc"')
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"abc\xff\xfe")
    expect_refusals(ValueError, [
        ("65,537 ids in 16 bits", lambda: candidate.encode_file(Large(), source, target),
         "encode_file with a tokenizer of vocab_size 65537"),
        ("a file that is not UTF-8", lambda: candidate.encode_file(tokenizer, broken, target),
         "encode_file of the bytes 97, 98, 99, 255, 254"),
    ])  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("encode_file")
def test_a_file_is_never_held_as_a_whole(candidate, tmp_path):
    source, target = tmp_path / "text.txt", tmp_path / "ids.bin"
    text = words(11, 300, 60_000)
    source.write_text(text, encoding="utf-8")
    tokenizer = candidate.CharTokenizer(text)
    mine = peak_bytes(lambda: candidate.encode_file(tokenizer, source, target))
    given = f"encode_file of {len(text)} characters"
    small = len(text) * 8  # a list of all ids, without the numbers themselves
    expect_at_most("the memory, compared with a list of all ids,", 0.5, mine, small, given=given)


def ids_in_file(tmp_path, ids):
    path = tmp_path / "ids.bin"
    np.asarray(ids, dtype="<u2").tofile(path)
    return path


@pytest.mark.level3
@pytest.mark.about("open_ids")
def test_the_ids_of_a_file_can_be_read_and_not_written(candidate, tmp_path):
    wanted = [1, 256, 0, 65_535, 300]
    path = ids_in_file(tmp_path, wanted)
    ids = candidate.open_ids(path)
    expect_same("the ids", lambda: [int(id) for id in ids], wanted, given="a file of five ids")
    expect("the number of ids", lambda: len(ids), 5, given="a file of five ids")
    try:
        ids[0] = 7
        getattr(ids, "flush", lambda: None)()
        written = 1.0
    except ValueError:
        written = 0.0
    expect("it can be written to (1 is yes)", lambda: written, 0.0, given="open_ids of a file of five ids")
    expect_same("the file afterwards", lambda: np.fromfile(path, dtype="<u2"), wanted, given="a file of five ids")


@pytest.mark.level3
@pytest.mark.about("BatchStream", step="stream")
def test_a_stream_gives_the_batches_of_batches(candidate, tmp_path):
    numbers = np.random.default_rng(0).integers(0, 60_000, 1003)
    ids = candidate.open_ids(ids_in_file(tmp_path, numbers))
    for batch_size, block_size, seed, drop_last in (
        (4, 9, None, False),
        (4, 9, 3, False),
        (7, 5, 4, True),
        (500, 2, 5, False),
    ):
        given = f"1003 ids, batch_size {batch_size}, block_size {block_size}, seed {seed}, drop_last {drop_last}"
        stream = candidate.BatchStream(ids, batch_size, block_size, seed, drop_last)
        order = np.arange(1002 // block_size)
        order = order if seed is None else np.random.default_rng(seed).permutation(order)
        places = order[:, None] * block_size + np.arange(block_size)
        wanted = [places[k : k + batch_size] for k in range(0, len(places), batch_size)]
        wanted = [rows for rows in wanted if len(rows) == batch_size or not drop_last]
        expect("len(stream)", lambda stream=stream: len(stream), len(wanted), given=given)
        plain = list(candidate.batches(numbers, batch_size, block_size, seed=seed, drop_last=drop_last))
        for k, rows in enumerate(wanted):
            pair = stream[k]
            for part, ahead in ((0, 0), (1, 1)):
                name = f"{'xy'[part]} of stream[{k}]"
                expect_same(name, lambda pair=pair, part=part: pair[part], numbers[rows + ahead], given=given)
                expect_same(
                    f"the dtype of {name}", lambda pair=pair, part=part: str(pair[part].dtype), "int64", given=given
                )
                expect_same(f"{'xy'[part]} of batch {k} of batches", lambda k=k, part=part, plain=plain: plain[k][part],
                            numbers[rows + ahead], given=given)  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("BatchStream.__len__")
def test_a_stream_knows_how_many_batches_it_has(candidate):
    for count, drop_last, wanted in (
        (41, False, 3), (41, True, 2), (33, False, 2), (33, True, 2), (13, False, 1), (13, True, 0),
    ):  # fmt: skip
        stream = candidate.BatchStream(np.arange(count), 4, 4, drop_last=drop_last)
        expect("len(stream)", lambda stream=stream: len(stream), wanted,
               given=f"{count} ids, batch_size 4, block_size 4, drop_last {drop_last}")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("BatchStream.__getitem__")
def test_a_stream_can_be_read_again_from_anywhere_and_has_an_end(candidate):
    stream = candidate.BatchStream(np.arange(50), 2, 5, seed=2)
    given = "BatchStream of 50 ids, batch_size 2, block_size 5, seed 2"
    first = [x.tolist() for x, _ in stream]
    expect("batches in a `for`", lambda: len(first), 5, given=given)
    expect_same("x of all batches, a second time", lambda: [x.tolist() for x, _ in stream], first, given=given)
    expect_same("x of stream[3], out of turn", lambda: stream[3][0], first[3], given=given)
    stream[0][0][...] = 77
    expect_same("x of stream[0], after it was written over", lambda: stream[0][0], first[0], given=given)
    expect_refusals(IndexError, [("stream[5], where there are 5", lambda: stream[5], given)])


@pytest.mark.level3
@pytest.mark.about("BatchStream", step="stream")
def test_a_stream_over_a_part_stays_within_it(candidate, tmp_path):
    train, validation = candidate.train_validation_split(candidate.open_ids(ids_in_file(tmp_path, range(1000))))
    for name, part, low, high in (("train", train, 0, 899), ("validation", validation, 900, 999)):
        given = f"BatchStream over the {name} part of the ids 0 to 999, batch_size 8, block_size 7"
        pairs = list(candidate.BatchStream(part, 8, 7, seed=1))
        expect("the smallest id", lambda pairs=pairs: min(int(x.min()) for x, _ in pairs), low, given=given)
        expect("the largest id", lambda pairs=pairs: max(int(y.max()) for _, y in pairs),
               low + (high - low) // 7 * 7, given=given)  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("BatchStream", step="stream")
def test_a_stream_without_a_single_window_is_refused(candidate):
    expect(
        "len(stream)",
        lambda: len(candidate.BatchStream([1, 2, 3, 4], 2, 3)),
        1,
        given="BatchStream of 4 ids, block_size 3",
    )
    expect_refusals(
        ValueError, [("too few ids", lambda: candidate.BatchStream([1, 2, 3], 2, 3), "BatchStream([1, 2, 3], 2, 3)")]
    )


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("BatchStream", step="stream")
def test_batches_of_a_file_take_a_tenth_of_what_its_ids_take(candidate, tmp_path):
    count = 1_000_000
    path = ids_in_file(tmp_path, np.arange(count) % 50_000)

    def streamed():
        stream = candidate.BatchStream(candidate.open_ids(path), 16, 64, seed=0)
        for k in range(0, len(stream), 7):
            stream[k]

    def loaded():
        ids = np.fromfile(path, dtype="<u2").astype(np.int64)
        return ids[:16]

    given = f"batches of a file of {count} ids, batch_size 16, block_size 64"
    whole = peak_bytes(loaded)
    expect_at_most(
        "the memory of a stream, compared with all ids as int64,", 0.1, peak_bytes(streamed), whole, given=given
    )

    def by_batches():
        for _ in candidate.batches(candidate.open_ids(path), 16, 64, seed=0):
            pass

    expect_at_most("the memory of batches(open_ids(path)), compared with all ids as int64,", 0.1,
                   peak_bytes(by_batches), whole, given=given)  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level4
@pytest.mark.about("BatchStream")
def test_a_dataloader_hands_the_stream_on_batch_by_batch(candidate):
    from torch.utils.data import DataLoader

    stream = candidate.BatchStream(np.arange(2000), 8, 16, seed=5)
    loader = list(DataLoader(stream, batch_size=None))
    given = "DataLoader(BatchStream of 2000 ids, batch_size=None)"
    expect("the number of batches", lambda: len(loader), len(stream), given=given)
    for k, (x, y) in enumerate(loader):
        expect_same(f"x of batch {k}", lambda x=x: x.numpy(), stream[k][0], given=given)
        expect_same(f"y of batch {k}", lambda y=y: y.numpy(), stream[k][1], given=given)


@pytest.mark.level4
@pytest.mark.about("batches")
def test_a_dataset_of_windows_in_a_dataloader_makes_the_same_batches(candidate):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    ids = torch.randint(0, 1000, (1500,), generator=torch.Generator().manual_seed(1))
    rows = ids.unfold(0, 13, 12)  # a window and the id after it; the next one begins with that id
    for seed, drop_last in ((None, False), (1, False), (2, True)):
        order = range(len(rows)) if seed is None else np.random.default_rng(seed).permutation(len(rows)).tolist()
        dataset = TensorDataset(rows[:, :-1], rows[:, 1:])
        loader = list(DataLoader(dataset, batch_size=32, sampler=order, drop_last=drop_last))
        found = list(candidate.batches(ids.numpy(), 32, 12, seed=seed, drop_last=drop_last))
        given = (
            f"1500 random ids, batch_size 32, block_size 12, seed {seed}, drop_last {drop_last}, against a DataLoader"
        )
        expect("the number of batches", lambda found=found: len(found), len(loader), given=given)
        for k, (pair, (x, y)) in enumerate(zip(found, loader, strict=True)):
            expect_same(f"x of batch {k}", lambda pair=pair: pair[0], x.numpy(), given=given)
            expect_same(f"y of batch {k}", lambda pair=pair: pair[1], y.numpy(), given=given)


@pytest.mark.level4
@pytest.mark.about("learn_merges")
def test_merges_of_real_text_are_those_of_a_slow_recount(candidate):
    text = python_documentation(12_000)
    merges = candidate.learn_merges(text, 60)
    given = "the first 12000 characters of Python's documentation"
    expect_same("learn_merges(text, 60)", lambda: merges, slow_merges(pieces_of(text), 60), given=given)
    tokenizer = candidate.BytePairTokenizer(merges)
    ids = tokenizer.encode(text)
    expect_same("encode(text)", lambda: ids, slow_ids(text, merges), given=given)
    expect_same("decode(encode(text))", lambda: tokenizer.decode(ids), text, given=given)


@pytest.mark.level4
@pytest.mark.about("encode_file")
def test_a_table_of_pairs_learns_from_the_stream_what_it_learns_from_the_text(candidate, tmp_path):
    text = python_documentation(60_000)
    source, target = tmp_path / "text.txt", tmp_path / "ids.bin"
    source.write_bytes(text.encode())
    tokenizer = candidate.CharTokenizer(text)
    candidate.encode_file(tokenizer, source, target)
    train, validation = candidate.train_validation_split(candidate.open_ids(target))
    size = tokenizer.vocab_size
    table = np.ones((size, size))  # every pair counted once before, so that none is impossible
    for x, y in candidate.BatchStream(train, 16, 32, seed=0):
        np.add.at(table, (x, y), 1)
    chance = table / table.sum(axis=1, keepdims=True)
    losses = [-np.log(chance[x, y]) for x, y in candidate.BatchStream(validation, 16, 32)]
    loss = float(np.concatenate(losses).mean())

    places = {character: place for place, character in enumerate(sorted(set(text)))}
    ids = np.array([places[character] for character in text])
    border = int(len(ids) * 0.9)
    table = np.ones((size, size))
    used = (border - 1) // 32 * 32
    np.add.at(table, (ids[:used], ids[1 : used + 1]), 1)
    chance = table / table.sum(axis=1, keepdims=True)
    rest = ids[border:]
    used = (len(rest) - 1) // 32 * 32
    wanted = float(-np.log(chance[rest[:used], rest[1 : used + 1]]).mean())
    given = "60000 characters of Python's documentation, by way of two files"
    expect("the loss of a table of pairs on the validation part", lambda: loss, wanted, given=given)
    expect("it is below that of even odds (1 is yes)", lambda: float(loss < math.log(size) - 1), 1.0, given=given)
