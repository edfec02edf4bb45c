"""The same grading inside other people's systems: a Gradescope autograder, a GitHub Classroom workflow."""

import io
import json
import random
import re
import subprocess
import textwrap
import zipfile
from pathlib import Path

from utils.course import hinting
from utils.course.catalog import ROOT, catalog
from utils.course.state import atomically

EXECUTABLE, PLAIN = 0o755, 0o644
WHEN = (1980, 1, 1, 0, 0, 0)
LEFT_OUT = ("notebooks/", "benchmarks/", ".github/", ".ci/")

SETUP = """#!/usr/bin/env bash
# Runs once, when the autograder is built: Python 3.11 or newer, then the course's own environment.
set -e
apt-get update
apt-get install -y python3 python3-venv
for python in python3.14 python3.13 python3.12 python3.11 python3; do
    if ! command -v $python > /dev/null; then apt-get install -y $python $python-venv || continue; fi
    if $python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then break; fi
done
cd /autograder/source/course
$python learn.py
chmod -R go-w /autograder/source
"""

# Gradescope gives each submission a container of its own, so limits within it (--trust) are enough where the container
# allows no namespaces: the submission runs as nobody there and cannot write to results/.
RUN = """#!/usr/bin/env bash
# Runs for each submission.
root=${AUTOGRADER_ROOT:-/autograder}
report=$(mktemp -d)
mkdir -p "$root/results"
chmod go-rwx "$report" "$root/results"
cd "$root/source/course"
python=.venv/bin/python
[ -x $python ] || python=${PYTHON:-python3}
$python scripts/grade.py "$root/submission" --single --trust --jobs 1 --out "$report" @OPTIONS@ \\
    --gradescope "$root/results/results.json"
"""

WORKFLOW = """# Grades each push with the course's grader. Put it into the assignment's repository as
# .github/workflows/classroom.yml. Students can see and change this file: for marks that count, grade the clones
# yourself, from a CSV table of them; this is for quick answers.
name: grade
on: [push, workflow_dispatch]
permissions:
  contents: read
jobs:
  grade:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
        with:
          path: submission
          persist-credentials: false
      - uses: actions/checkout@v4
        with:
          repository: @REPOSITORY@
          ref: @REF@
          path: course
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.13"
      - name: let the sandbox make namespaces
        run: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 || true
      - name: grade
        run: |
          python course/learn.py
          python course/scripts/grade.py submission --single --out report @OPTIONS@
          python course/scripts/grade.py export summary report >> "$GITHUB_STEP_SUMMARY"
"""


def gradescope_results(batch):
    """results.json of Gradescope for the one submission of a batch: a test for each step."""
    (one,) = batch.submissions
    tests, lines = [], [f"not taken: {name}: {why}" for name, why in one.refused]
    for grade in batch.grades[one.student]:
        topic, result = catalog().topic(grade.topic), batch.result(one, grade.topic)
        lines += [f"Topic {grade.topic}: {words}" for words in grade.remarks]
        for level, (earned, of) in grade.levels.items():
            steps = result["levels"][str(level)]["steps"] if result and result["levels"] else {}
            held = sum(steps.values())
            for step in topic.steps_of(level):
                most = round(of / len(topic.steps_of(level)), 4)
                mine = round(earned / held, 4) if steps.get(step.id) else 0.0
                tests.append({"name": f"Topic {grade.topic}, level {level}: {step.title}", "score": min(mine, most),
                              "max_score": most, "status": "passed" if steps.get(step.id) else "failed"})  # fmt: skip
        feedback = (result or {}).get("feedback", {})
        if feedback.get("screen"):
            tests[-1]["output"] = feedback["screen"]
            lines.append(f"Topic {grade.topic}, level {feedback['level']}:\n\n{feedback['screen']}")
    total = round(sum(grade.earned for grade in batch.grades[one.student]), 2)
    return {"score": total, "output": "\n\n".join(lines), "visibility": "visible", "stdout_visibility": "hidden",
            "tests": tests}  # fmt: skip


def write_gradescope(path, batch):
    """Write results.json."""
    atomically(Path(path), json.dumps(gradescope_results(batch), indent=1).encode())


def gradescope_bundle(options=""):
    """The bytes of autograder.zip: setup.sh, run_autograder and the course."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", SETUP.encode(), EXECUTABLE)
        _add(archive, "run_autograder", RUN.replace("@OPTIONS@", options).encode(), EXECUTABLE)
        for path in _course_files():
            name = path.relative_to(ROOT).as_posix()
            _add(archive, f"course/{name}", path.read_bytes(), PLAIN)
    return memory.getvalue()


def classroom_workflow(repository, ref, options=""):
    """The text of classroom.yml. `repository` is OWNER/NAME of your copy of the course, `ref` the tag of the term."""
    return WORKFLOW.replace("@REPOSITORY@", repository).replace("@REF@", ref).replace("@OPTIONS@", options)


def summary(report):
    """A report of one submission as Markdown, from the JSON files of its students."""
    lines = []
    for path in sorted((Path(report) / "students").glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        lines.append(f"## {told['total']:g} of {told['of']:g} points")
        for number, topic in told["topics"].items():
            lines.append(f"\n### Topic {number}, {topic['title']}: {topic['earned']:g} of {topic['of']:g}\n")
            lines += [
                f"- level {level}: {mark['earned']:g} of {mark['of']:g}" for level, mark in topic["levels"].items()
            ]
            screen = topic.get("feedback", {}).get("screen", "")
            if screen:
                fence = "~" * 8  # longer than what a screen could hold by chance
                lines += ["", fence, screen.replace(fence, ""), fence]
    return "\n".join(lines) + "\n"


def oral(topic, student, count=3, answers=False):
    """Questions for a conversation, drawn from questions.md for one student; Markdown, with answers on demand."""
    text = (topic.folder / "questions.md").read_text(encoding="utf-8")
    found = hinting.sections(text, "### ")
    chosen = random.Random(f"{topic.number} {student}").sample(found, min(count, len(found)))
    lines = [f"# {student}: Topic {topic.number}, {topic.title}", ""]
    for place, (title, body) in enumerate(chosen, 1):
        lines.append(f"{place}. {title.split('. ', 1)[-1]}")
        if answers:
            plain = re.sub(r"</?details>|<summary>.*?</summary>", "", body.split("\n## ")[0]).strip()
            lines += ["", textwrap.indent(plain, "   "), ""]
    own = "Open your file. Which line would you remove to make exactly one test fail, and which test?"
    return "\n".join([*lines, f"{len(chosen) + 1}. {own}"]) + "\n"


def _course_files():
    """The course as it is tracked, without what the grader does not need."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:  # unpacked from an archive
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()]
        names = [name for name in names if not name.startswith((".venv/", ".learn/", "workspace/"))
                 and "__pycache__" not in name]  # fmt: skip
    return [ROOT / name for name in sorted(names) if not name.startswith(LEFT_OUT) and (ROOT / name).is_file()]


def _add(archive, name, content, rights):
    entry = zipfile.ZipInfo(name, WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = rights << 16
    archive.writestr(entry, content)
