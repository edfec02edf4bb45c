"""The glossary is the page that its source makes, and every entry is one short sentence."""

import tomllib

from utils.course import glossary

DATA = tomllib.loads(glossary.SOURCE.read_text(encoding="utf-8"))


def test_the_page_is_up_to_date():
    assert glossary.TARGET.read_text(encoding="utf-8") == glossary.text(), "python3 -m utils.course.glossary"


def test_every_meaning_is_one_sentence_of_at_most_twenty_words():
    meanings = [*DATA["term"].values(), *(meaning for _, meaning in DATA["sign"].values())]
    assert [one for one in meanings if len(one.split()) > 20 or not one.endswith(".") or ". " in one] == []
    assert len(DATA["term"]) >= 50 and len(DATA["sign"]) >= 20


def test_the_words_of_the_house_are_there():
    assert {
        "parents",
        "users",
        "upstream",
        "local derivative",
        "vjp",
        "cotangent",
        "candidate",
        "suite",
        "level",
    } <= set(DATA["term"])


def test_every_sign_can_be_said_in_letters():
    assert [sign for sign, (say, _) in DATA["sign"].items() if not say.isascii()] == []
