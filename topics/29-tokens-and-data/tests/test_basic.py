"""Levels 1 and 2 at ordinary points: ids and back, two parts, windows, merges that can be found on paper."""

import numpy as np
import pytest

from utils.course.judging import expect, expect_same

IDS = list(range(100, 113))  # 13 ids: four windows of 3, and every id tells its place


def pairs_in(counts):
    """A dict of pairs as a sorted list of [left, right, count]."""
    return sorted([*pair, number] for pair, number in counts.items())


def expect_batches(found, wanted, given):
    """Expect batch after batch, and no other."""
    found = list(found)
    expect("the number of batches", lambda: len(found), len(wanted), given=given)
    for k, (pair, (x, y)) in enumerate(zip(found, wanted, strict=True)):
        expect_same(f"x of batch {k}", lambda pair=pair: pair[0], x, given=given)
        expect_same(f"y of batch {k}", lambda pair=pair: pair[1], y, given=given)


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("CharTokenizer", step="characters")
def test_an_id_is_the_place_in_the_sorted_vocabulary(candidate):
    # The only test that asks for the order: an unsorted set makes other ids in every run, and fails only here.
    text = "the quick brown fox jumps over the lazy dog"
    ids = list(candidate.CharTokenizer(text).encode("".join(sorted(set(text)))))
    expect("the ids of the sorted characters go up (1 is yes)", lambda: float(ids == sorted(ids)), 1.0,
           given=f"CharTokenizer({text!r})")  # fmt: skip
    tokenizer = candidate.CharTokenizer("banana")
    expect("vocab_size", lambda: tokenizer.vocab_size, 3, given='CharTokenizer("banana")')
    expect_same('encode("banana")', lambda: tokenizer.encode("banana"), [1, 0, 2, 0, 2, 0],
                given='CharTokenizer("banana")')  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("CharTokenizer.encode", step="characters")
def test_every_character_has_one_id(candidate):
    tokenizer = candidate.CharTokenizer("banana")
    given = 'CharTokenizer("banana")'
    ids = tokenizer.encode("banbnabbb")
    expect("the number of ids", lambda: len(ids), 9, given=given + '.encode("banbnabbb")')
    expect("the number of different ids", lambda: len({int(id) for id in ids}), 3, given=given + '.encode("banbnabbb")')
    expect("the smallest id", lambda: min(ids), 0, given=given + '.encode("banbnabbb")')
    expect("the largest id", lambda: max(ids), 2, given=given + '.encode("banbnabbb")')


@pytest.mark.level1
@pytest.mark.about("CharTokenizer.decode", step="characters")
def test_decode_gives_the_text_back(candidate):
    for text in ("banana", "Hello, World!\n\tHello?", ""):
        tokenizer = candidate.CharTokenizer("banana Hello, World!\n\t?")
        expect_same(f"decode(encode({text!r}))", lambda t=tokenizer, text=text: t.decode(t.encode(text)), text,
                    given='CharTokenizer("banana Hello, World!\\n\\t?")')  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("train_validation_split")
def test_validation_is_the_end_that_train_has_not_seen(candidate):
    train, validation = candidate.train_validation_split("abcdefghij")
    expect_same("train", lambda: train, "abcdefghi", given='train_validation_split("abcdefghij")')
    expect_same("validation", lambda: validation, "j", given='train_validation_split("abcdefghij")')


@pytest.mark.level1
@pytest.mark.about("batches")
def test_y_is_one_place_further_on_than_x(candidate):
    expect_batches(
        candidate.batches(IDS, 2, 3),
        [
            ([[100, 101, 102], [103, 104, 105]], [[101, 102, 103], [104, 105, 106]]),
            ([[106, 107, 108], [109, 110, 111]], [[107, 108, 109], [110, 111, 112]]),
        ],
        "batches of the ids 100 to 112, batch_size 2, block_size 3",
    )


@pytest.mark.level1
@pytest.mark.about("batches")
def test_the_last_batch_has_the_rows_that_are_left(candidate):
    expect_batches(
        candidate.batches(IDS, 3, 4),
        [([[100, 101, 102, 103], [104, 105, 106, 107], [108, 109, 110, 111]],
          [[101, 102, 103, 104], [105, 106, 107, 108], [109, 110, 111, 112]])],
        "batches of the ids 100 to 112, batch_size 3, block_size 4",
    )  # fmt: skip
    expect_batches(
        candidate.batches(IDS, 2, 4),
        [([[100, 101, 102, 103], [104, 105, 106, 107]], [[101, 102, 103, 104], [105, 106, 107, 108]]),
         ([[108, 109, 110, 111]], [[109, 110, 111, 112]])],
        "batches of the ids 100 to 112, batch_size 2, block_size 4",
    )  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("batches")
def test_a_seed_gives_the_order_of_its_permutation(candidate):
    ids = np.arange(1000, 1041)  # ten windows of 4
    first, again = ([x.tolist() for x, _ in candidate.batches(ids, 3, 4, seed=3)] for _ in range(2))
    expect("the batches with seed 3, made twice, are equal (1 is yes)", lambda: float(first == again), 1.0,
           given="batches of the ids 1000 to 1040, batch_size 3, block_size 4")  # fmt: skip
    for seed in (3, 4):
        order = np.random.default_rng(seed).permutation(10)
        x = 1000 + 4 * order[:, None] + np.arange(4)
        expect_batches(
            candidate.batches(ids, 3, 4, seed=seed),
            [(x[k : k + 3], x[k : k + 3] + 1) for k in (0, 3, 6, 9)],
            f"batches of the ids 1000 to 1040, batch_size 3, block_size 4, seed {seed}",
        )


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer", step="bytes")
def test_without_merges_the_ids_are_the_bytes(candidate):
    tokenizer = candidate.BytePairTokenizer()
    expect("vocab_size", lambda: tokenizer.vocab_size, 256, given="BytePairTokenizer()")
    for text, ids in (("hi!", [104, 105, 33]), ("é", [195, 169]), ("€ 😀", [226, 130, 172, 32, 240, 159, 152, 128])):
        expect_same(f"encode({text!r})", lambda text=text: tokenizer.encode(text), ids, given="BytePairTokenizer()")


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.decode", step="bytes")
def test_bytes_are_joined_before_they_are_read_as_text(candidate):
    tokenizer = candidate.BytePairTokenizer()
    for ids, text in (([104, 105], "hi"), ([195, 169], "é"), ([97, 240, 159, 152, 128, 98], "a😀b"), ([], "")):
        expect_same(f"decode({ids})", lambda ids=ids: tokenizer.decode(ids), text, given="BytePairTokenizer()")


@pytest.mark.level2
@pytest.mark.about("count_pairs")
def test_pairs_are_counted_where_they_stand_side_by_side(candidate):
    for ids, wanted in (
        ([1, 2, 1, 2, 3], [[1, 2, 2], [2, 1, 1], [2, 3, 1]]),
        ([5, 4], [[5, 4, 1]]),
        ([7], []),
        ([], []),
    ):
        expect_same(f"count_pairs({ids}), as [left, right, count]",
                    lambda ids=ids: pairs_in(candidate.count_pairs(ids)), wanted)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("merge")
def test_a_pair_is_replaced_wherever_it_stands(candidate):
    for ids, wanted in (
        ([1, 2, 3, 1, 2], [9, 3, 9]), ([3, 1, 2], [3, 9]), ([2, 1, 1, 2, 2], [2, 1, 9, 2]), ([1, 3, 2], [1, 3, 2]),
        ([1], [1]), ([], []),
    ):  # fmt: skip
        expect_same(f"merge({ids}, (1, 2), 9)", lambda ids=ids: candidate.merge(ids, (1, 2), 9), wanted)


@pytest.mark.level2
@pytest.mark.about("learn_merges")
def test_the_most_frequent_pair_is_merged_again_and_again(candidate):
    merges = [(97, 97), (97, 98), (256, 257)]
    for count in (1, 2, 3):
        expect_same(f'learn_merges("aaabdaaabac", {count})',
                    lambda count=count: candidate.learn_merges("aaabdaaabac", count), merges[:count])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.encode", step="encode")
def test_merges_are_made_of_merges(candidate):
    tokenizer = candidate.BytePairTokenizer([(97, 97), (97, 98), (256, 257)])
    given = "BytePairTokenizer([(97, 97), (97, 98), (256, 257)])"
    expect("vocab_size", lambda: tokenizer.vocab_size, 259, given=given)
    expect_same('encode("aaabdaaabac")', lambda: tokenizer.encode("aaabdaaabac"), [258, 100, 258, 97, 99], given=given)
    expect_same("decode([258, 100, 258, 97, 99])", lambda: tokenizer.decode([258, 100, 258, 97, 99]), "aaabdaaabac",
                given=given)  # fmt: skip
