"""The fixture `candidate` and the options --candidate, --level and --upto, for every topic's tests."""

import pytest

from utils.course import catches
from utils.course.catalog import CatalogError, catalog
from utils.course.loading import load_candidate

pytest_plugins = ["utils.course.reporting"]


def pytest_addoption(parser):
    group = parser.getgroup("course")
    group.addoption(
        "--candidate", action="append", metavar="WHAT",
        help="whose code the topic tests judge: mine (default), stub, skeleton, level01 to level04, further/NAME or a "
             "file; may be given several times",
    )  # fmt: skip
    group.addoption("--level", type=int, choices=(1, 2, 3, 4), help="run exactly the tests of this level")
    group.addoption("--upto", type=int, choices=(1, 2, 3, 4), help="run the tests of this level and all below")


def pytest_generate_tests(metafunc):
    if "candidate" in metafunc.fixturenames:
        names = metafunc.config.getoption("--candidate")
        if not names:
            # Side by side is what a benchmark is for; a verdict is about one file.
            comparing = metafunc.config.getoption("benchmark_only", False)
            names = ["mine", "level01", "level02", "level03"] if comparing else ["mine"]
        metafunc.parametrize("candidate", names, indirect=True)


@pytest.fixture
def candidate(request):
    """The names of the file that is being judged."""
    topic = catalog().topic_of_file(request.path)
    try:
        path = topic.candidate_path(request.param)
    except CatalogError as error:
        pytest.fail(str(error), pytrace=False)
    if not path.exists():
        pytest.fail(
            f"There is no {path.parent.name}/{path.name} yet. To make it: python3 learn.py start {topic.number}",
            pytrace=False,
        )
    return load_candidate(path)


def pytest_collection_modifyitems(config, items):
    if not catches.judges_own_file(config.getoption("--candidate")):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("catches")])
        items[:] = [item for item in items if not item.get_closest_marker("catches")]
    level, upto = config.getoption("--level"), config.getoption("--upto")
    if level or upto:
        wanted = {f"level{level}"} if level else {f"level{n}" for n in range(1, upto + 1)}
        keep = [item for item in items if any(mark.name in wanted for mark in item.iter_markers())]
    elif "exercise" in config.getoption("-m") or any("exercise" in argument for argument in config.args):
        return
    else:  # exercises are optional: they run when they are asked for
        keep = [item for item in items if not item.get_closest_marker("exercise")]
    config.hook.pytest_deselected(items=[item for item in items if item not in keep])
    items[:] = keep
