"""Levels 1 and 2 at the edges: what is unknown, what is half, what is equal, and what belongs to the caller."""

import json
import re

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_same, observations


def message_of(what, call, given):
    """The text of the ValueError that call() raises; records that it does."""
    try:
        got, message = f"no error, but {call()!r}"[:70], ""
    except NotImplementedError:
        raise
    except Exception as error:
        got, message = ("ValueError" if isinstance(error, ValueError) else type(error).__name__), str(error)
    observations.append(Observation(what, given, "ValueError", got, got == "ValueError"))
    if got != "ValueError":
        raise Mismatch(observations[-1])
    return message


def expect_named(what, message, *spellings, given):
    """Expect one of the spellings in an error's message."""
    found = any(spelling in message for spelling in spellings)
    named = f"a message with {spellings[0]}"
    observations.append(Observation(what, given, named, named if found else repr(message)[:80], found))
    if not found:
        raise Mismatch(observations[-1])


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("CharTokenizer", step="characters")
def test_every_character_counts_as_itself(candidate):
    text = "\taA é\n\r\n😀z  "
    tokenizer = candidate.CharTokenizer(text)
    expect("vocab_size", lambda: tokenizer.vocab_size, 9, given=f"CharTokenizer({text!r})")
    for part in ("\t\n\r A", "azé😀", "  "):
        ids = tokenizer.encode(part)
        expect_same(f"decode(encode({part!r}))", lambda ids=ids: tokenizer.decode(ids), part,
                    given=f"CharTokenizer({text!r})")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("CharTokenizer.decode", step="characters")
def test_ids_may_come_as_an_array(candidate):
    tokenizer = candidate.CharTokenizer("abc")
    for dtype in (np.int64, np.uint16):
        ids = np.array(tokenizer.encode("ca"), dtype)
        expect_same(f"decode of an array of {dtype.__name__}", lambda ids=ids: tokenizer.decode(ids), "ca",
                    given='CharTokenizer("abc"), encode("ca")')  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("CharTokenizer.encode", step="unknown")
def test_an_unknown_character_is_refused_by_name_and_place(candidate):
    tokenizer = candidate.CharTokenizer("hello")
    expect('len(encode("hell"))', lambda: len(tokenizer.encode("hell")), 4, given='CharTokenizer("hello")')
    for text, character, place in (("hellohelloh?ll?", "?", 11), ("holé", "é", 3)):
        given = f'CharTokenizer("hello").encode({text!r})'
        message = message_of("an unknown character", lambda text=text: tokenizer.encode(text), given)
        code = f"{ord(character):04X}"
        expect_named("the character", message, character, ascii(character), code, code.lower(), given=given)
        one_on = str(place + 1) in re.findall(r"\d+", message)
        expect_named("its place, counted from 0" if one_on else "its place", message, str(place), given=given)


@pytest.mark.level1
@pytest.mark.about("CharTokenizer.decode", step="unknown")
def test_an_id_that_is_none_is_refused_by_name(candidate):
    tokenizer = candidate.CharTokenizer("hello")
    expect("len(decode([0, 3]))", lambda: len(tokenizer.decode([0, 3])), 2, given='CharTokenizer("hello")')
    for ids, wrong in (([17], 17), ([2, -1, 0], -1), ([0, 4], 4)):
        given = f'CharTokenizer("hello").decode({ids})'
        message = message_of("an id that does not exist", lambda ids=ids: tokenizer.decode(ids), given)
        expect_named("the id", message, str(wrong), given=given)


@pytest.mark.level1
@pytest.mark.about("train_validation_split")
def test_another_share_is_the_share_that_is_taken(candidate):
    for share, border in ((0.5, 5), (0.75, 8), (0.0, 0), (1.0, 11)):
        data = "abcdefghijk"
        given = f"train_validation_split({data!r}, {share})"
        train, validation = candidate.train_validation_split(data, share)
        expect_same("train", lambda train=train: train, data[:border], given=given)
        expect_same("validation", lambda validation=validation: validation, data[border:], given=given)


@pytest.mark.level1
@pytest.mark.about("train_validation_split")
def test_lists_and_arrays_are_split_as_well(candidate):
    for data in ([5, 5, 7, 5], np.array([5, 5, 7, 5])):
        given = f"train_validation_split({data!r}, 0.5)"
        train, validation = candidate.train_validation_split(data, 0.5)
        expect_same("train", lambda train=train: train, [5, 5], given=given)
        expect_same("validation", lambda validation=validation: validation, [7, 5], given=given)


@pytest.mark.level1
@pytest.mark.about("batches")
def test_a_window_is_there_only_if_all_of_its_y_is(candidate):
    for length, windows in ((7, 2), (8, 2), (9, 2), (10, 3), (4, 1)):
        given = f"batches of {length} ids, batch_size 100, block_size 3"
        found = list(candidate.batches(list(range(length)), 100, 3))
        expect("the number of batches", lambda found=found: len(found), 1, given=given)
        expect("the number of rows", lambda found=found: len(found[0][0]), windows, given=given)
        expect_same("the last row of y", lambda found=found: found[0][1][-1],
                    [3 * windows - 2, 3 * windows - 1, 3 * windows], given=given)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("batches")
def test_batches_are_new_arrays_of_int64(candidate):
    for kind, ids in (("an array of uint16", np.arange(9, dtype=np.uint16)), ("an array of int64", np.arange(9)),
                      ("a list", list(range(9)))):  # fmt: skip
        given = f"batches of {kind} of 9 ids, batch_size 2, block_size 4"
        (x, y), *_ = candidate.batches(ids, 2, 4)
        for name, array in (("x", x), ("y", y)):
            expect_same(f"the dtype of {name}", lambda array=array: str(array.dtype), "int64", given=given)
            expect_same(f"the shape of {name}", lambda array=array: array.shape, [2, 4], given=given)
            array[...] = 77
        expect_same("the ids, after x and y were written over", lambda ids=ids: ids, list(range(9)), given=given)


@pytest.mark.level1
@pytest.mark.about("batches")
def test_a_text_without_a_single_window_is_refused(candidate):
    expect("the number of batches", lambda: len(list(candidate.batches([1, 2, 3, 4], 2, 3))), 1,
           given="batches of 4 ids, batch_size 2, block_size 3")  # fmt: skip
    for ids in ([1, 2, 3], [1], []):
        message_of("too few ids", lambda ids=ids: list(candidate.batches(ids, 2, 3)),
                   f"batches({ids}, 2, 3)")  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("batches")
def test_the_same_seed_gives_the_same_batches_and_none_the_order_of_the_text(candidate):
    ids = list(range(41))
    np.random.seed(5)
    first = [x.tolist() for x, _ in candidate.batches(ids, 2, 4, seed=0)]
    np.random.seed(6)
    again = [x.tolist() for x, _ in candidate.batches(ids, 2, 4, seed=0)]
    given = "batches of 41 ids, batch_size 2, block_size 4"
    expect("the batches with seed 0, made twice, are equal (1 is yes)", lambda: float(first == again), 1.0, given=given)
    wanted = [[4 * int(k)] for k in np.random.default_rng(0).permutation(10)]
    expect_same("the first ids of x, seed 0", lambda: [row[:1] for x in first for row in x], wanted, given=given)
    plain = [row[0] for x, _ in candidate.batches(ids, 2, 4) for row in x.tolist()]
    expect_same("the first ids of x, no seed", lambda: plain, list(range(0, 40, 4)), given=given)


@pytest.mark.level2
@pytest.mark.about("batches")
def test_a_batch_with_missing_rows_is_left_out_when_asked(candidate):
    for length, kept, dropped in ((41, [4, 4, 2], [4, 4]), (33, [4, 4], [4, 4]), (13, [3], [])):
        for seed in (None, 1):
            given = f"batches of {length} ids, batch_size 4, block_size 4, seed {seed}"
            rows = [len(x) for x, _ in candidate.batches(np.arange(length), 4, 4, seed=seed)]
            expect_same("rows of each batch", lambda rows=rows: rows, kept, given=given)
            rows = [len(x) for x, _ in candidate.batches(np.arange(length), 4, 4, seed=seed, drop_last=True)]
            expect_same("rows of each batch, drop_last", lambda rows=rows: rows, dropped, given=given)


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.decode", step="bytes")
def test_bytes_that_are_no_text_become_the_replacement_character(candidate):
    tokenizer = candidate.BytePairTokenizer()
    for ids, text in (([195], "\ufffd"), ([97, 255, 98], "a\ufffdb"), ([169, 97], "\ufffda"), ([240, 159], "\ufffd")):
        expect_same(f"decode({ids})", lambda ids=ids: tokenizer.decode(ids), text, given="BytePairTokenizer()")


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.encode", step="bytes")
def test_half_of_a_surrogate_pair_goes_there_and_back(candidate):
    tokenizer = candidate.BytePairTokenizer()
    for text, ids in (("\ud800", [237, 160, 128]), ("a\udfff", [97, 237, 191, 191]), ("\ud83d\ude00", None)):
        if ids:
            expect_same(f"encode({text!r})", lambda text=text: tokenizer.encode(text), ids, given="BytePairTokenizer()")
        expect_same(f"decode(encode({text!r}))", lambda text=text: tokenizer.decode(tokenizer.encode(text)), text,
                    given="BytePairTokenizer()")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.decode", step="encode")
def test_an_id_that_is_no_token_is_refused_by_name(candidate):
    tokenizer = candidate.BytePairTokenizer([(97, 98)])
    expect_same("decode([256, 97])", lambda: tokenizer.decode(np.array([256, 97], dtype=np.uint16)), "aba",
                given="BytePairTokenizer([(97, 98)])")  # fmt: skip
    for ids, wrong in (([97, 257], 257), ([-1], -1)):
        given = f"BytePairTokenizer([(97, 98)]).decode({ids})"
        message = message_of("an id that does not exist", lambda ids=ids: tokenizer.decode(ids), given)
        expect_named("the id", message, str(wrong), given=given)


@pytest.mark.level2
@pytest.mark.about("count_pairs")
def test_in_three_equal_ids_there_are_two_pairs(candidate):
    for ids, count in (([1, 1], 1), ([1, 1, 1], 2), ([1, 1, 1, 1], 3)):
        counts = candidate.count_pairs(ids)
        expect(f"count_pairs({ids})[(1, 1)]", lambda counts=counts: counts[(1, 1)], count)


@pytest.mark.level2
@pytest.mark.about("merge")
def test_each_id_is_merged_once_from_the_left(candidate):
    for ids, wanted in (([1, 1, 1], [9, 1]), ([1] * 4, [9, 9]), ([1] * 5, [9, 9, 1]), ([2, 1, 1, 1, 2], [2, 9, 1, 2])):
        expect_same(f"merge({ids}, (1, 1), 9)", lambda ids=ids: candidate.merge(ids, (1, 1), 9), wanted)


@pytest.mark.level2
@pytest.mark.about("merge")
def test_merging_makes_a_new_list_and_leaves_the_old_one(candidate):
    for ids in ([1, 2, 3], [3, 3]):
        before = list(ids)
        merged = candidate.merge(ids, (1, 2), 9)
        expect_same("the result", lambda merged=merged, before=before: merged, [9, 3] if 1 in before else [3, 3],
                    given=f"merge({before}, (1, 2), 9)")  # fmt: skip
        merged.append(0)
        expect_same("the ids, after something was appended to the result", lambda ids=ids: ids, before,
                    given=f"merge({before}, (1, 2), 9)")  # fmt: skip


def expect_merges(candidate, text, count, wanted):
    expect_same(f"learn_merges({text!r}, {count})", lambda: candidate.learn_merges(text, count), wanted)


@pytest.mark.level2
@pytest.mark.about("learn_merges")
def test_of_equally_frequent_pairs_the_smallest_comes_first(candidate):
    expect_merges(candidate, "ba\nba\nab\nab", 2, [(97, 98), (98, 97)])
    expect_merges(candidate, "zz\nzz\nby\nby\nbx\nbx", 3, [(98, 120), (98, 121), (122, 122)])
    expect_merges(candidate, "yaa\nyaa\nyaa\nyb\nyb", 2, [(97, 97), (121, 256)])


@pytest.mark.level2
@pytest.mark.about("learn_merges")
def test_a_pair_that_occurs_once_is_not_merged(candidate):
    expect_merges(candidate, "aaabdaaabac", 10, [(97, 97), (97, 98), (256, 257)])
    expect_merges(candidate, "abc", 10, [])
    expect_merges(candidate, "", 10, [])
    expect_merges(candidate, "abab", 0, [])


@pytest.mark.level2
@pytest.mark.about("learn_merges")
def test_no_pair_reaches_from_one_piece_into_the_next(candidate):
    expect_merges(candidate, "a1 b1 c1 d1 e1", 3, [])
    expect_merges(candidate, "x!x!x!", 3, [])
    expect_merges(candidate, "on. on. on.", 3, [(111, 110), (32, 256)])


@pytest.mark.level2
@pytest.mark.about("learn_merges")
def test_a_piece_counts_as_often_as_it_occurs(candidate):
    expect_merges(candidate, "zz\nzz\nzz\nzz\nzz\nabc\nabd\nabe", 2, [(122, 122), (97, 98)])


@pytest.mark.level2
@pytest.mark.about("learn_merges")
def test_merges_are_made_of_bytes_not_of_characters(candidate):
    expect_merges(candidate, "éé", 3, [(195, 169)])
    expect_merges(candidate, "\ud800\ud800", 1, [(160, 128)])


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.encode", step="encode")
def test_the_merge_that_was_learned_first_is_made_first(candidate):
    for merges, text, ids in (
        ([(98, 99), (97, 98)], "abc", [97, 256]),
        ([(97, 98), (98, 99)], "abc", [256, 99]),
        ([(98, 99), (97, 98), (257, 99)], "abcab", [97, 256, 257]),
        ([(97, 98), (99, 100), (256, 257)], "abcd", [258]),
        ([(97, 97)], "aaa", [256, 97]),
    ):
        expect_same(f"encode({text!r})",
                    lambda merges=merges, text=text: candidate.BytePairTokenizer(merges).encode(text), ids,
                    given=f"BytePairTokenizer({merges})")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer.encode", step="encode")
def test_encoding_does_not_merge_across_pieces_either(candidate):
    tokenizer = candidate.BytePairTokenizer([(97, 32), (97, 33)])
    for text, ids in (("a a", [97, 32, 97]), ("a!", [97, 33])):
        expect_same(f"encode({text!r})", lambda text=text: tokenizer.encode(text), ids,
                    given="BytePairTokenizer([(97, 32), (97, 33)])")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer", step="encode")
def test_merges_may_have_been_kept_as_json(candidate):
    merges = json.loads("[[97, 98], [256, 99]]")
    tokenizer = candidate.BytePairTokenizer(merges)
    given = "BytePairTokenizer([[97, 98], [256, 99]])"
    expect("vocab_size", lambda: tokenizer.vocab_size, 258, given=given)
    expect_same("decode([257])", lambda: tokenizer.decode([257]), "abc", given=given)
    expect_same('encode("abc")', lambda: tokenizer.encode("abc"), [257], given=given)


@pytest.mark.level2
@pytest.mark.about("BytePairTokenizer", step="encode")
def test_two_tokenizers_share_nothing(candidate):
    long, short = candidate.BytePairTokenizer([(97, 98)]), candidate.BytePairTokenizer()
    expect_same('encode("ab"), two merges', lambda: long.encode("ab"), [256], given="BytePairTokenizer([(97, 98)])")
    expect_same('encode("ab"), after another tokenizer has encoded it', lambda: short.encode("ab"), [97, 98],
                given="BytePairTokenizer()")  # fmt: skip
