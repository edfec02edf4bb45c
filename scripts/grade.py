"""For instructors: grade a class, in a sandbox, with a report that says what the class has misunderstood.

python3 scripts/grade.py SUBMISSIONS --out REPORT
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import environment

CANARY, NOT_GRADED = 3, 4  # exit codes; 0 all graded, 2 usage


def arguments_of(words):
    parser = argparse.ArgumentParser(
        prog="python3 scripts/grade.py", description=__doc__.splitlines()[0],
        epilog="For other systems, and for questions to ask a student: python3 scripts/grade.py export --help. "
        "TEACHING.md says how a class is run, what marks mean, and against what the sandbox protects.",
    )  # fmt: skip
    parser.add_argument("submissions", type=Path, help="a folder of folders and zip files, or a CSV: student,path")
    parser.add_argument("--out", type=Path, required=True, metavar="REPORT", help="where the report goes")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes; as many as cores"
    )
    parser.add_argument("--topics", default="", metavar="02,03", help="these only; else every topic that was handed in")
    parser.add_argument("--upto", type=int, choices=(1, 2, 3, 4), default=4, help="the highest level that counts")
    parser.add_argument("--marks", default="40,30,20,10", metavar="A,B,C,D", help="points for the levels 1 to 4")
    parser.add_argument("--borrowed", type=float, default=0.0, metavar="SHARE",
                        help="of the points for a file that borrows or repeats a solution; 0 if not said")  # fmt: skip
    parser.add_argument("--single", action="store_true", help="SUBMISSIONS is one submission")
    parser.add_argument("--seed", default="", help="repeat the batch with this seed")
    parser.add_argument("--isolation", choices=("auto", "namespaces", "container", "rlimits"), default="auto")
    parser.add_argument("--image", default="", help="the container image, if it has another name")
    parser.add_argument(
        "--trust", action="store_true", help="run files with limits only, where nothing better is there"
    )
    parser.add_argument("--no-feedback", action="store_true", help="leave the public tests out: marks only")
    parser.add_argument("--scheduler", default="", metavar="tcp://…", help="send the work to this Dask cluster")
    parser.add_argument("--gradescope", type=Path, metavar="FILE", help="with --single: write results.json there")
    return parser.parse_args(words)


def main(words):
    if not environment.is_ready():
        environment.set_up()
    if not environment.is_current():
        return environment.hand_over([__file__, *words])
    if words[:1] == ["export"]:
        return export(words[1:])
    if words[:1] == ["hunts"]:
        return hunts(words[1:])
    arguments = arguments_of(words)
    from utils.course.catalog import CatalogError
    from utils.grading import batch, intake

    try:
        return grade(arguments)
    except (intake.NoSubmissions, batch.OtherBatch, CatalogError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


def grade(arguments):
    from utils.course.catalog import catalog
    from utils.grading import batch, intake, isolation, marks, reports

    table = marks.Marks(tuple(float(part) for part in arguments.marks.split(",")), arguments.borrowed)
    if len(table.points) != 4:
        raise ValueError("--marks takes four numbers, for the levels 1 to 4.")
    found = intake.collect(arguments.submissions, arguments.single)
    wanted = {catalog().topic(word).number for word in filter(None, arguments.topics.split(","))}
    for one in found:
        one.files = {number: data for number, data in one.files.items() if not wanted or number in wanted}
    place = isolation.detect(arguments.isolation, trust=arguments.trust, image=arguments.image)
    print(f"Isolation: {isolation.SAYS[place.kind]}.")
    for reason in place.reasons:
        print(f"  not {reason}")
    levels = tuple(range(1, arguments.upto + 1))
    settings = batch.Settings(place.kind, levels, not arguments.no_feedback, arguments.image)
    ledger = batch.Ledger(arguments.out, settings, arguments.seed)
    try:
        units, sources = batch.units_of(found, ledger.head["seed"], levels)
        files = sum(len(one.files) for one in found)
        print(f"{len(found)} submissions with {files} files; {len(units)} to grade, of which "
              f"{sum(unit.key in ledger.results for unit in units)} are done. Seed {ledger.head['seed']}.")  # fmt: skip
        if place.kind == "none" and not arguments.scheduler:
            for unit in units:
                ledger.results.setdefault(unit.key, batch.given_up(unit, "not graded: no isolation on this machine"))
        else:
            batch.run(units, sources, ledger, settings, jobs=max(1, arguments.jobs), progress=Progress().show,
                      scheduler=arguments.scheduler)  # fmt: skip
    finally:
        ledger.close()
    if place.kind != "none" or arguments.scheduler:
        wrong = marks.canary_findings(ledger.results, units)
        if wrong:
            print("\n".join(["There is no report: the canaries are not as they should be.", *wrong]), file=sys.stderr)
            return CANARY
    whole = reports.Batch(found, units, ledger.results, ledger.head, table)
    names = reports.write(arguments.out, whole)
    print("Written: " + ", ".join(str(arguments.out / name) for name in names))
    if arguments.gradescope:
        from utils.grading import exporters

        exporters.write_gradescope(arguments.gradescope, whole)
    if place.kind == "none" and not arguments.scheduler:
        print("Nothing was graded: no file was run. TEACHING.md says what isolation needs.", file=sys.stderr)
        return NOT_GRADED
    return 0


def export(words):
    """`grade.py export …`: the grader for other systems."""
    from utils.grading import exporters

    parser = argparse.ArgumentParser(prog="python3 scripts/grade.py export")
    kinds = parser.add_subparsers(dest="kind", required=True)
    bundle = kinds.add_parser("gradescope", help="an autograder for Gradescope")
    bundle.add_argument("file", type=Path, nargs="?", default=Path("autograder.zip"))
    workflow = kinds.add_parser("classroom", help="a workflow for GitHub Classroom")
    workflow.add_argument("repository", help="OWNER/NAME of your copy of the course")
    workflow.add_argument("ref", help="the tag of the term")
    workflow.add_argument("file", type=Path, nargs="?", default=Path("classroom.yml"))
    for one in (bundle, workflow):
        one.add_argument("--options", default="", help="options of grade.py, such as '--topics 02 --upto 2'")
    talk = kinds.add_parser("oral", help="questions for a conversation with a student about a topic")
    talk.add_argument("topic", help="such as 02")
    talk.add_argument("student", help="each student gets other questions, and the same ones each time")
    talk.add_argument("--count", type=int, default=3)
    talk.add_argument("--answers", action="store_true", help="for whoever asks")
    told = kinds.add_parser("summary", help="print the report of one submission as Markdown")
    told.add_argument("report", type=Path)
    arguments = parser.parse_args(words)
    if arguments.kind == "summary":
        print(exporters.summary(arguments.report), end="")
    elif arguments.kind == "oral":
        from utils.course.catalog import catalog

        topic = catalog().topic(arguments.topic)
        print(exporters.oral(topic, arguments.student, arguments.count, arguments.answers), end="")
    elif arguments.kind == "gradescope":
        arguments.file.write_bytes(exporters.gradescope_bundle(arguments.options))
        print(f"{arguments.file} is ready: Gradescope, Configure Autograder, Zip file upload.")
    else:
        text = exporters.classroom_workflow(arguments.repository, arguments.ref, arguments.options)
        arguments.file.write_text(text, encoding="utf-8")
        print(f"{arguments.file} is ready: .github/workflows/classroom.yml of the assignment's repository.")
    return 0


def hunts(words):
    """`grade.py hunts …`: what a class has found in Topic 39."""
    import csv

    from utils.grading import hunts, intake, isolation, worker

    parser = argparse.ArgumentParser(prog="python3 scripts/grade.py hunts")
    parser.add_argument("submissions", type=Path, help="as for grade.py")
    parser.add_argument("--out", type=Path, required=True, metavar="HUNTS.csv", help="where the table goes")
    parser.add_argument("--single", action="store_true", help="SUBMISSIONS is one submission")
    parser.add_argument("--seed", default="hunts", help="of the numbers by which mended files are judged")
    parser.add_argument("--trust", action="store_true", help="as for grade.py")
    arguments = parser.parse_args(words)
    try:
        found = intake.collect(arguments.submissions, arguments.single)
    except intake.NoSubmissions as error:
        print(error, file=sys.stderr)
        return 2
    place = isolation.detect("auto", trust=arguments.trust)
    print(f"Isolation: {isolation.SAYS[place.kind]}.")
    if place.kind == "none":
        print("Nothing was graded: no file was run. TEACHING.md says what isolation needs.", file=sys.stderr)
        return NOT_GRADED
    show = Progress()
    with worker.Grader(place.kind) as grader:
        table = hunts.grade(found, grader, arguments.seed, lambda done, of: show.show(done, of, None))
    with open(arguments.out, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(hunts.rows(table))
    print(f"Written: {arguments.out}")
    return 0


class Progress:
    """One line that is written over in a terminal; elsewhere a line now and then."""

    def __init__(self):
        self._last = 0.0

    def show(self, done, total, left):
        rest = "" if left is None or done == total else f", {int(left) // 60}:{int(left) % 60:02} left"
        text = f"{done} of {total}{rest}"
        if sys.stdout.isatty():
            print(f"\r{text:<40}", end="\n" if done == total else "", flush=True)
        elif done == total or time.monotonic() - self._last > 30:
            self._last = time.monotonic()
            print(text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except environment.Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(2)
