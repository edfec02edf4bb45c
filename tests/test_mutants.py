"""Planted mistakes: each dies by the test that is named for it, and leads to its own diagnosis."""

import re
import tomllib

import pytest

from utils.course import diagnosis, mutants, proof
from utils.course.catalog import ROOT, catalog
from utils.course.contract import definitions, read

UNSEEN = ROOT / "tests" / "mutants" / "unseen-02.toml"
TOPICS = [topic for topic in catalog().ready if mutants.mutants_of(topic)]


@pytest.fixture(scope="module", params=TOPICS, ids=lambda topic: topic.number)
def planted(request):
    """(topic, its mutants, their runs): run once for all tests of this file."""
    topic = request.param
    found = mutants.mutants_of(topic)
    return topic, found, mutants.run_all(topic, found)


def test_every_mutant_dies_by_its_test_and_gets_its_diagnosis(planted):
    assert mutants.findings(*planted) == []


def test_signatures_are_up_to_date(planted):
    topic, found, runs = planted
    kept = (topic.folder / "signatures.json").read_text(encoding="utf-8")
    assert kept == mutants.as_text(mutants.signatures(found, runs)), "python3 scripts/maintain.py signatures"


def test_without_its_own_signature_a_mistake_is_seldom_given_a_wrong_name(planted, monkeypatch):
    topic, found, runs = planted
    if topic.number != "02":
        pytest.skip("the bar is one for the scalar engine")
    known, wrong = mutants.signatures(found, runs), {}
    for mutant in found:
        others = [entry for entry in known if entry["id"] != mutant.id]
        monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic, others=others: others)
        id = mutants.diagnosis_of(topic, mutant, runs[mutant.id])
        if id not in (mutant.diagnosis, "unknown"):
            wrong[mutant.id] = id
    assert len(wrong) <= 0.05 * len(found), wrong


def test_engines_of_other_designs_get_the_right_diagnosis_or_an_honest_unknown():
    topic = catalog().topic("02")
    found = mutants.read(UNSEEN)[::3]  # a third is enough for a bar
    runs = mutants.run_all(topic, found)
    ids = {mutant.id: mutants.diagnosis_of(topic, mutant, runs[mutant.id]) for mutant in found}
    right = [mutant.id for mutant in found if ids[mutant.id] == mutant.diagnosis]
    wrong = {m.id: ids[m.id] for m in found if ids[m.id] not in (m.diagnosis, "unknown")}
    assert len(right) >= 0.9 * len(found), wrong
    assert len(wrong) <= 0.05 * len(found), wrong


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.number)
def test_every_mutant_fits_and_has_its_words(topic):
    names = definitions(read(topic.skeleton)[0])
    for mutant in mutants.mutants_of(topic):
        mutants.source(topic, mutant)  # raises ValueError if an edit does not fit exactly once
        assert mutant.says and mutant.says[-1] == ".", mutant.id
        assert len(mutant.says.split()) <= (25 if topic.number == "02" else 35), mutant.id
        for sentence in re.split(r"(?<=[.!?])\s+", f"{mutant.says} {mutant.advice}"):
            assert len(sentence.split()) <= 20, (mutant.id, sentence)
        assert mutant.kills or mutant.diagnosis in ("syntax", "contract"), mutant.id
        assert mutant.name in names or not mutant.name, mutant.id


def test_no_two_mutants_of_topic_02_say_the_same_about_the_same_name():
    seen = {}
    for mutant in mutants.mutants_of(catalog().topic("02")):
        key = (mutant.name, mutant.says, mutant.base)
        assert key not in seen, f"{mutant.id} repeats {seen[key]}"
        seen[key] = mutant.id


def test_the_scalar_engine_has_more_than_a_hundred_mutants_of_every_kind():
    found = mutants.mutants_of(catalog().topic("02"))
    assert len(found) > 100
    assert {mutant.diagnosis for mutant in found} >= {
        "accumulate",
        "chain",
        "topo",
        "links",
        "seed",
        "local",
        "sign",
        "reflected",
        "constant",
        "overflow",
        "identity",
        "state",
        "inplace",
        "forward",
        "late",
        "kind",
        "cost",
        "memory",
        "recursion",
        "missing-return",
        "not-written",
        "contract",
        "syntax",
        "endless",
        "died",
        "raised",
    }


def test_every_diagnosis_has_its_page():
    assert proof.page_findings(catalog()) == []


def test_a_mutant_with_an_unknown_key_or_an_edit_that_does_not_fit_is_refused(tmp_path):
    entry = '[[mutant]]\nid = "x"\nbase = "level02"\nfind = "nowhere"\nreplace = ""\nkills = "t"\ndiagnosis = "chain"\n'
    path = tmp_path / "mutants.toml"
    path.write_text(entry + 'colour = "red"\n')
    with pytest.raises(ValueError, match="colour"):
        mutants.read(path)
    path.write_text(entry + entry)
    with pytest.raises(ValueError, match="twice"):
        mutants.read(path)
    path.write_text(entry)
    with pytest.raises(ValueError, match="0 places"):
        mutants.source(catalog().topic("02"), mutants.read(path)[0])


def test_the_files_of_mutants_are_known():
    """A file of mutants under a name that no topic has would never be run."""
    names = {topic.folder.name for topic in catalog().ready} | {"unseen-02"}
    planned = {f"{topic.number}-{topic.slug}" for topic in catalog().topics}
    for path in (ROOT / "tests" / "mutants").glob("*.toml"):
        assert path.stem in names | planned, path.name
        assert tomllib.loads(path.read_text(encoding="utf-8"))["mutant"], path.name
