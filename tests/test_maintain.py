"""The tools for those who change the course: a new topic starts as a list of what it lacks."""

import shutil
import subprocess
import sys

import pytest

from utils.course import catalog as places
from utils.course.catalog import ROOT, CatalogError, parse

MANIFEST = (ROOT / "topics" / "catalog.toml").read_text(encoding="utf-8")


@pytest.fixture
def copy(tmp_path):
    """A copy of the course in which a maintainer may do anything."""
    ignored = shutil.ignore_patterns(".git", ".venv", "workspace", ".learn", "__pycache__", "*.egg-info", "wheelhouse")
    return shutil.copytree(ROOT, tmp_path / "course", ignore=ignored)


def maintain(folder, *words):
    done = subprocess.run([sys.executable, folder / "scripts" / "maintain.py", *words], cwd=folder, capture_output=True,
                          text=True, encoding="utf-8")  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_new_topic_starts_as_the_list_of_what_it_lacks(copy):
    code, text = maintain(copy, "new-topic", "12", "convolution", "Convolution")
    assert code == 0 and "topics/12-convolution" in text
    code, text = maintain(copy, "check", "--quick")
    assert code == 1
    assert text.splitlines() == [
        "- Topic 12 lacks intuition.md.",
        "- Topic 12 lacks math-refresh.md.",
        "- Topic 12 lacks questions.md.",
        "- Topic 12 lacks visualization.py.",
        "- Topic 12 lacks hints/.",
        "- Topic 12 lacks solutions/.",
        "- Topic 12 lacks tests/test_basic.py.",
        "- Topic 12 lacks tests/test_edge.py.",
        "- Topic 12 lacks tests/test_stress.py.",
        "- Topic 12 has 0 files for level 1; one is needed.",
        "- Topic 12 has 0 files for level 2; one is needed.",
        "- Topic 12 has 0 files for level 3; one is needed.",
        "- Topic 12 has 0 files for level 4; one is needed.",
        "- Topic 12 has 0 hint files; three are needed.",
        "- README.md: the topic table differs from the catalogue; python3 scripts/maintain.py table prints it.",
        "15 findings.",
    ]


def test_a_new_topic_never_overwrites_a_folder(copy):
    maintain(copy, "new-topic", "12", "convolution", "Convolution")
    code, text = maintain(copy, "new-topic", "12", "convolution", "Convolution")
    assert code == 2 and "is there already" in text


def test_a_new_topic_takes_the_place_of_its_planned_entry(copy):
    maintain(copy, "new-topic", "03", "gradient-checking", "Gradient Checking")
    entries = parse((copy / "topics" / "catalog.toml").read_text(encoding="utf-8")).topics
    assert [topic.status for topic in entries if topic.number == "03"] == ["ready"]
    assert len(entries) == len(parse(MANIFEST).topics)


def test_stray_and_missing_files_are_found(copy):
    (copy / "topics" / "02-autograd-engine" / "draft.md").write_text("later\n", encoding="utf-8")
    (copy / "topics" / "02-autograd-engine" / "intuition.md").unlink()
    (copy / "utils" / "course" / "guessing.py").write_text("", encoding="utf-8")
    _, text = maintain(copy, "check", "--quick")
    assert "Topic 02: draft.md is a stray file." in text and "Topic 02 lacks intuition.md." in text
    assert "utils/course/README.md must name guessing once" in text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("schema = 1", "schema = 9", "must say schema = 1"),
        ('kind = "topic"', 'kind = "topic"\ncolor = "red"', "does not know ['color']"),
        ('needs = ["box"]', 'needs = ["bax"]', "needs 'bax', which is no earlier step"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(old, new, says):
    with pytest.raises(CatalogError) as caught:
        parse(MANIFEST.replace(old, new, 1))
    assert says in str(caught.value)


def test_the_catalogue_is_the_only_table_of_topics():
    slugs = [topic.folder.name for topic in places.catalog().topics]
    for path in [*(ROOT / "utils").rglob("*.py"), *(ROOT / "scripts").glob("*.py"), ROOT / "learn.py"]:
        text = path.read_text(encoding="utf-8")
        assert not any(slug in text for slug in slugs), path
