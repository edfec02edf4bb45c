"""What the grader asks of a submission: texts of random words and signs as ids, and back; windows of random ids."""

import numpy as np

from utils.grading.cases import NoNumber, case, number_of, refuses

SIGNS = "abcdeé€😀 \n,.!?AZ09_ß\t\r中ü"


def babble(draw, pieces, words=12):
    """A text of some words, signs and white space, so that pairs of bytes occur again and again."""
    known = ["".join(draw.choice(SIGNS[:5] + "nrst") for _ in range(draw.integer(1, 6))) for _ in range(words)]
    known += ["é€", "naïve", "中文中文", "😀"]
    gaps = [" ", " ", " ", " ", "  ", "\n", ", ", ".\n\n", "!", " ?! ", "\r\n", "\t"]
    return "".join(draw.choice(known) + draw.choice(gaps) for _ in range(pieces))


def letters(draw, count):
    return "".join(draw.choice(SIGNS) for _ in range(count))


def listed(found):
    """A list of plain whole numbers, or it is no answer."""
    if type(found) is not list:
        raise NoNumber(f"{type(found).__name__} where a list of ids belongs")
    return [number_of(number) for number in found]


def summed(draw, numbers):
    """Many whole numbers as their number and products with random weights."""
    return [float(len(numbers)), *draw.along([float(number) for number in numbers])[-2:]]


def codes(draw, text):
    """A text as the codes of its characters, along random directions."""
    return summed(draw, list(map(ord, str.__str__(text))))


def said(kind, call, *wanted):
    """1.0 for each of some words that such an exception of call() says; nothing for another one, or none."""
    try:
        call()
    except kind as error:
        return [1.0, *(float(any(word in str(error) for word in one)) for one in wanted)]
    except Exception:
        return [0.0]
    return [0.0]


def pairs_told(draw, found):
    """Batches (x, y): their shapes, kinds and numbers."""
    answers = []
    for x, y in found:
        for part in (x, y):
            if type(part) is not np.ndarray:
                raise NoNumber(f"{type(part).__name__} where an array belongs")
            answers += [draw.along(part), float(part.dtype == np.int64)]
    return [float(len(answers)), answers]


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "CharTokenizer")
def one_id_for_each_character(candidate, draw):
    answers = []
    for _ in range(4):
        text = letters(draw, draw.integer(10, 60))
        tokenizer = candidate.CharTokenizer(text)
        ids = tokenizer.encode(text)
        answers += [float(tokenizer.vocab_size), listed(ids), listed(tokenizer.encode(""))]
        chosen = [draw.integer(0, tokenizer.vocab_size - 1) for _ in range(9)]
        for given in (chosen, np.array(chosen), np.array(chosen, dtype=np.uint16)):
            answers.append(codes(draw, tokenizer.decode(given)))
    return [*answers, float(tokenizer.decode([]) == ""), float(type(tokenizer.decode(ids)) is str)]


@case(1, "CharTokenizer.encode", step="unknown")
def what_is_unknown_is_named(candidate, draw):
    answers, text = [], letters(draw, 30)
    tokenizer = candidate.CharTokenizer(text)
    for sign in ("#", "ñ"):
        place = draw.integer(11, 25)
        wrong = text[:place] + sign + text[place:] + "#" + sign
        code = f"{ord(sign):04X}"
        names = (sign, ascii(sign), code, code.lower())
        answers += said(ValueError, lambda w=wrong: tokenizer.encode(w), names, (str(place),))
        answers += [float(place), codes(draw, tokenizer.decode(tokenizer.encode(text)))]
    size = tokenizer.vocab_size
    for ids, wrong in (([0, size + 17, 99], size + 17), ([2, -3, 0], -3), ([0, size], size), ([-1], -1)):
        answers += said(ValueError, lambda i=ids: tokenizer.decode(i), (str(wrong),))
    return answers


@case(1, "train_validation_split")
def two_parts(candidate, draw):
    answers = []
    for _ in range(6):
        data = [draw.integer(0, 99) for _ in range(draw.integer(5, 40))]
        share = draw.choice((0.5, 0.75, 0.9, 0.0, 1.0, round(draw.rng.uniform(0.1, 0.9), 2)))
        for part in candidate.train_validation_split(data, share):
            answers.append([float(len(part)), listed(part)])
        for part in candidate.train_validation_split(np.array(data)):
            answers.append([float(len(part)), [float(number) for number in part]])
        answers += [codes(draw, part) for part in candidate.train_validation_split(letters(draw, 23), share=share)]
    return answers


SIZES = ((50, 4, 3), (31, 2, 5), (7, 3, 3), (8, 1, 7), (64, 5, 4), (100, 50, 6))


def refused(candidate, make):
    """Is it said, at the latest with the first batch, that there is no window?"""
    return [refuses(ValueError, lambda i=ids: list(make(i, 2, 3))) for ids in ([], [1], [1, 2, 3])]


@case(1, "batches")
def window_after_window(candidate, draw):
    answers = []
    for count, batch_size, block_size in SIZES:
        count = count + draw.integer(0, 3)
        ids = [draw.integer(0, 500) for _ in range(count)]
        for given in (ids, np.array(ids), np.array(ids, dtype=np.uint16)):
            answers += pairs_told(draw, candidate.batches(given, batch_size, block_size))
    ids = np.array(ids)
    first = candidate.batches(ids, 4, 3)
    x, y = next(iter(first))
    x[...] = y[...] = 0
    kept = list(candidate.batches(ids, 4, 3))
    return [*answers, *pairs_told(draw, kept), summed(draw, ids), refused(candidate, candidate.batches)]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "batches", step="shuffle")
def windows_in_another_order(candidate, draw):
    answers = []
    for count, batch_size, block_size in SIZES:
        ids = np.array([draw.integer(0, 500) for _ in range(count + draw.integer(0, 3))])
        for seed in (0, draw.integer(1, 10**6), None):
            for drop in (False, True):
                found = candidate.batches(ids, batch_size, block_size, seed=seed, drop_last=drop)
                answers += pairs_told(draw, found)
        answers += pairs_told(draw, candidate.batches(ids.tolist(), batch_size, block_size, 7))
    kept = ids.copy()
    for x, y in candidate.batches(ids, 50, 6):
        x += 1
        y += 1
    np.random.seed(draw.integer(0, 999))
    before = np.random.get_state()[1].copy()
    list(candidate.batches(ids, 4, 3, seed=3))
    same = float((np.random.get_state()[1] == before).all())
    return [
        *answers,
        float((ids == kept).all()),
        same,
        refused(candidate, lambda *how: candidate.batches(*how, seed=1)),
    ]


@case(2, "BytePairTokenizer", step="bytes")
def bytes_of_any_text(candidate, draw):
    tokenizer, answers = candidate.BytePairTokenizer(), []
    for text in (letters(draw, 40), babble(draw, 8), "", "\ud83d" + letters(draw, 4), "a\ude00b\ud83d\ude00"):
        ids = tokenizer.encode(text)
        answers += [
            listed(ids),
            codes(draw, tokenizer.decode(ids)),
            codes(draw, tokenizer.decode(np.array(ids, dtype=int))),
        ]
    noise = [draw.integer(0, 255) for _ in range(40)] + [0xE2, 0x82]
    answers += [codes(draw, tokenizer.decode(noise)), codes(draw, tokenizer.decode([0xF0, 0x9F, 65, 0x80, 0xED, 0xA0]))]
    answers += [codes(draw, tokenizer.decode([0xED, 0xA0, 0xBD, 0xFF])), float(tokenizer.vocab_size)]
    for ids, wrong in (([65, 256, 999], 256), ([65, -1], -1), ([300], 300)):
        answers += said(ValueError, lambda i=ids: tokenizer.decode(i), (str(wrong),))
    return answers


@case(2, "merge")
def pairs_side_by_side(candidate, draw):
    answers = []
    for alphabet in (1, 2, 3, 5):
        ids = [draw.integer(1, alphabet) for _ in range(draw.integer(15, 30))]
        kept = list(ids)
        counts = candidate.count_pairs(ids)
        answers.append([[number_of(n) for n in (*pair, count)] for pair, count in sorted(counts.items())])
        for pair in ((1, 1), (1, 2), (2, 1), (draw.integer(1, alphabet), draw.integer(1, alphabet)), (8, 9)):
            answers += [listed(candidate.merge(ids, pair, 77)), float(ids == kept)]
        again = candidate.merge(candidate.merge(ids, (1, 1), 77), (77, 1), 78)
        answers.append(listed(again))
    answers.append(float(candidate.merge(ids, (8, 9), 77) is ids))
    return [
        *answers,
        *(float(len(candidate.count_pairs(few))) for few in ([], [1])),
        listed(candidate.merge([5], (5, 5), 6)),
    ]


def merges_told(found):
    """Merges as plain numbers: a list of tuples of two."""
    if type(found) is not list or not all(type(pair) is tuple and len(pair) == 2 for pair in found):
        raise NoNumber("merges are a list of pairs")
    return [float(len(found)), [[number_of(n) for n in pair] for pair in found]]


def texts(draw):
    """Texts in which there are ties, runs of the same, pieces that occur once, and pieces that occur often."""
    yield babble(draw, 60)
    yield " ".join(draw.choice(("aaa", "aaaa", "abab", "baba", "aab")) for _ in range(30))
    yield "".join(draw.choice("ab") for _ in range(60))
    yield "low low lower newest " * draw.integer(2, 4) + letters(draw, 30)
    yield " ".join("ab" * k for k in range(1, draw.integer(4, 7))) + "\n" + "中文é" * draw.integer(2, 5)


@case(2, "learn_merges", step="learn")
def pairs_worth_an_id(candidate, draw):
    answers = []
    for text in texts(draw):
        for count in (3, draw.integer(8, 30), 500, 0):
            answers += merges_told(candidate.learn_merges(text, count))
    for text in ("", "a", "abcdef", "ab cd", "aa"):
        answers += merges_told(candidate.learn_merges(text, 5))
    return answers


@case(2, "BytePairTokenizer.encode", step="encode")
def merges_in_their_order(candidate, draw):
    answers = []
    for text in texts(draw):
        merges = candidate.learn_merges(text, 25)
        tokenizer = candidate.BytePairTokenizer(merges)
        other = babble(draw, 6) + text[: draw.integer(3, 20)]
        answers += [summed(draw, listed(tokenizer.encode(part))) for part in (text, other)] + [
            float(tokenizer.vocab_size)
        ]
        answers += [codes(draw, tokenizer.decode(tokenizer.encode(part))) for part in (text, other)]
    for merges in (
        [(97, 98), (98, 97), (256, 256), (257, 97)], [[98, 99], [97, 98], [97, 256]], [(97, 97), (256, 97), (256, 256)],
        [(32, 97), (97, 32), (256, 98)], [(98, 97), (97, 98), (257, 256), (195, 169)],
    ):  # fmt: skip
        kept = [tuple(pair) for pair in merges]
        tokenizer = candidate.BytePairTokenizer(merges)
        for _ in range(3):
            text = "".join(draw.choice("aaabbc é") for _ in range(30))
            answers += [listed(tokenizer.encode(text)), codes(draw, tokenizer.decode(tokenizer.encode(text)))]
        answers += [float([tuple(pair) for pair in merges] == kept), float(tokenizer.vocab_size)]
        size = tokenizer.vocab_size
        answers += [codes(draw, tokenizer.decode([size - 1, 97, draw.integer(256, size - 1)]))]
        answers += said(ValueError, lambda t=tokenizer, s=size: t.decode([97, s]), (str(size),))
    return answers


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "learn_merges", step="counts")
def counts_that_are_kept(candidate, draw):
    answers = []
    for text in texts(draw):
        answers += merges_told(candidate.learn_merges(text, 300))
    return answers


@case(3, "learn_merges", step="counts", room=3.0)  # of its own, so that its merges need not be learned for everybody
def three_hundred_merges(candidate, draw):
    # Who counts everything again for each merge is at it for more than a second.
    words = ["".join(draw.choice("abcdefghij") for _ in range(9)) for _ in range(1000)]
    return summed(draw, [n for pair in candidate.learn_merges(" ".join(words * 2), 300) for n in pair])


def written(draw, candidate, tokenizer, data):
    """What encode_file makes of some bytes: the number it says, and the numbers in the file."""
    with open(draw.file("text"), "wb") as stream:
        stream.write(data)
    count = candidate.encode_file(tokenizer, draw.file("text"), draw.file("ids"))
    with open(draw.file("ids"), "rb") as stream:
        found = stream.read()
    return [number_of(count), float(len(found)), summed(draw, np.frombuffer(found[: len(found) // 2 * 2], dtype="<u2"))]


class Plain:
    """A tokenizer of somebody else: the codes of characters, where they are below 65,536."""

    def __init__(self, size=65_536):
        self.vocab_size = size

    def encode(self, text):
        return [min(ord(sign), 65_535) for sign in text]


@case(3, "encode_file", step="file")
def files_of_text_and_of_ids(candidate, draw):
    answers, plain = [], Plain()
    for text in (
        letters(draw, 300),
        "",
        "one two\r\nthree\rfour\n\n" + letters(draw, 9),
        "\ufeffé\x85\u2028 a",
        babble(draw, 5),
    ):
        answers += written(draw, candidate, plain, text.encode())
    long = babble(draw, 3500)
    tokenizer = candidate.BytePairTokenizer([(97, 98), (98, 97), (32, 97), (256, 256), (195, 169), (100, 101)])
    answers += written(draw, candidate, tokenizer, long.encode())
    for shift in range(3):  # characters of 2, 3 and 4 bytes: some chunk of bytes would end inside one of them
        answers += written(draw, candidate, plain, ("é" * shift + "€😀" * (6000 + draw.integer(0, 99))).encode())
    answers += written(draw, candidate, tokenizer, b"b" + b"ab" * (8200 + draw.integer(0, 99)))  # one piece
    answers += written(draw, candidate, tokenizer, b"b a")  # into a file that was longer
    with open(draw.file("text"), "wb") as stream:
        stream.write(b"abc\xff\xfe")
    answers.append(refuses(ValueError, lambda: candidate.encode_file(plain, draw.file("text"), draw.file("ids"))))
    with open(draw.file("text"), "wb") as stream:
        stream.write(b"abc")
    answers.append(
        refuses(ValueError, lambda: candidate.encode_file(Plain(65_537), draw.file("text"), draw.file("ids")))
    )
    numbers = np.array([draw.integer(0, 65_535) for _ in range(40)] + [40_000, 256], dtype="<u2")
    numbers.tofile(draw.file("ids"))
    ids = candidate.open_ids(draw.file("ids"))
    answers += [float(len(ids)), summed(draw, [int(number) for number in ids])]
    answers.append(refuses(ValueError, lambda: ids.__setitem__(0, 7)))
    return [*answers, summed(draw, np.fromfile(draw.file("ids"), dtype="<u2"))]


@case(3, "BatchStream")
def batches_by_number(candidate, draw):
    answers = []
    for count, batch_size, block_size in SIZES:
        numbers = np.array([draw.integer(0, 60_000) for _ in range(count + draw.integer(0, 3))], dtype="<u2")
        numbers.tofile(draw.file("ids"))
        ids = candidate.open_ids(draw.file("ids"))
        for seed in (None, draw.integer(0, 10**6)):
            for drop in (False, True):
                stream = candidate.BatchStream(ids, batch_size, block_size, seed, drop)
                answers += [float(len(stream)), pairs_told(draw, stream), pairs_told(draw, stream)]
                if len(stream):
                    chosen = draw.integer(0, len(stream) - 1)
                    stream[chosen][0][...] += 1
                    answers += pairs_told(draw, [stream[chosen]])
                answers += [refuses(IndexError, lambda s=stream, m=more: s[len(s) + m]) for more in (0, 3)]
                answers += pairs_told(draw, candidate.batches(ids, batch_size, block_size, seed, drop))
    train, rest = candidate.train_validation_split(ids)
    answers += pairs_told(draw, candidate.BatchStream(train, 3, 4, seed=1)) + pairs_told(
        draw, candidate.BatchStream(rest, 2, 3)
    )
    return [*answers, refused(candidate, candidate.BatchStream)]


class Bytes(Plain):
    """The bytes of plain letters: a tokenizer that takes no time."""

    def encode(self, text):
        return list(text.encode("ascii"))


@case(3, "encode_file", step="file", room=3.0)
def a_text_that_is_not_loaded(candidate, draw):
    with open(draw.file("text"), "w", encoding="ascii") as stream:  # a million letters
        for _ in range(100):
            stream.write(draw.choice(("some ", "more ", "two, ")) * 2000)
    return [
        number_of(candidate.encode_file(Bytes(), draw.file("text"), draw.file("ids"))),
        float(np.memmap(draw.file("ids"), "<u2")[draw.integer(0, 9**6)]),
    ]


@case(3, "BatchStream", step="stream", room=2.0)
def ids_that_are_not_loaded(candidate, draw):
    with open(draw.file("ids"), "wb") as stream:  # 12 MB, as int64 48
        for _ in range(100):
            stream.write(((np.arange(60_000) + draw.integer(0, 5000)) % 65_521).astype("<u2").tobytes())
    stream = candidate.BatchStream(candidate.open_ids(draw.file("ids")), 4, 64, seed=draw.integer(0, 10**6))
    found = [stream[draw.integer(0, len(stream) - 1)] for _ in range(3)]
    first = next(iter(candidate.batches(candidate.open_ids(draw.file("ids")), 4, 64, seed=3)))
    return [float(len(stream)), pairs_told(draw, [*found, first])]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "BatchStream", step="pytorch")
def a_table_of_pairs_from_a_stream(candidate, draw):
    text = babble(draw, 2500)
    tokenizer = candidate.CharTokenizer(text)
    with open(draw.file("text"), "wb") as stream:
        stream.write(text.encode())
    candidate.encode_file(tokenizer, draw.file("text"), draw.file("ids"))
    train, validation = candidate.train_validation_split(candidate.open_ids(draw.file("ids")))
    table = np.ones((tokenizer.vocab_size, tokenizer.vocab_size))
    for x, y in candidate.BatchStream(train, 16, 32, seed=0):
        np.add.at(table, (x, y), 1)
    chance = table / table.sum(axis=1, keepdims=True)
    losses = [-np.log(chance[x, y]) for x, y in candidate.BatchStream(validation, 16, 32)]
    merges = candidate.learn_merges(text, 60)
    ids = candidate.BytePairTokenizer(merges).encode(text)
    return [float(np.concatenate(losses).mean()), merges_told(merges), summed(draw, ids), draw.along(table)]
