"""For those who change the course: `check` proves its claims, `matrix`, `signatures`, `table` and `new-topic` help.

python3 scripts/maintain.py check
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from utils.course import gallery, mutants, notebooks, outcomes, proof
from utils.course.catalog import ROOT, TOPICS, CatalogError, catalog

TEMPLATE = ROOT / "utils" / "course" / "template"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    check_parser = commands.add_parser("check", help="prove every claim of the course")
    check_parser.add_argument("topics", nargs="*", metavar="TOPIC", help="run the tests of these only; else of all")
    check_parser.add_argument("--quick", action="store_true", help="only what needs no run of tests")
    outcomes_parser = commands.add_parser("outcomes", help="print the outcome tables")
    outcomes_parser.add_argument("topics", nargs="*", metavar="TOPIC")
    matrix_parser = commands.add_parser("matrix", help="print which tests kill which mutant")
    matrix_parser.add_argument("topic")
    signatures_parser = commands.add_parser("signatures", help="write signatures.json of topics, from their mutants")
    signatures_parser.add_argument("topics", nargs="*", metavar="TOPIC", help="of these only; else of all")
    commands.add_parser("pictures", help="draw the pictures of the texts again")
    commands.add_parser("notebooks", help="build the notebooks again, from their sources and the texts of the topics")
    commands.add_parser("table", help="print the topic table of README.md")
    new = commands.add_parser("new-topic", help="copy the template and add the catalogue entry")
    new.add_argument("number", help="two digits, such as 12")
    new.add_argument("slug", help="such as convolution")
    new.add_argument("title", help='such as "Convolution"')
    arguments = parser.parse_args()
    try:
        return COMMANDS[arguments.command](arguments)
    except (CatalogError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def check(arguments):
    """Print each finding; exit code 1 if there is one."""
    found = proof.file_findings(catalog()) + proof.text_findings(catalog()) + proof.page_findings(catalog())
    found += gallery.findings() + notebooks.findings()
    for topic in catalog().ready:
        found += proof.contract_findings(topic)
    for topic in [] if arguments.quick else [topic for topic in _chosen(arguments) if not proof.lacks(topic)]:
        rows = outcomes.rows_of(topic, outcomes.CANDIDATES)
        print("\n".join([f"Topic {topic.number}, {topic.title}", *outcomes.lines(topic, rows), ""]), flush=True)
        found += outcomes.findings(topic, rows) + proof.key_findings(topic, rows)
        planted = mutants.mutants_of(topic)
        runs = mutants.run_all(topic, planted)
        found += mutants.findings(topic, planted, runs)
        kept = topic.folder / "signatures.json"
        if planted and (not kept.exists() or kept.read_text(encoding="utf-8") != signature_text(topic, planted, runs)):
            found.append(
                f"Topic {topic.number}: signatures.json is out of date; python3 scripts/maintain.py signatures"
            )
    for sentence in found:
        print("-", sentence)
    print(f"{len(found)} findings." if found else "Every claim holds.")
    return 1 if found else 0


def _chosen(arguments):
    """The topics named on the command line, or all."""
    return tuple(map(catalog().topic, arguments.topics)) or catalog().ready


def outcome_tables(arguments):
    """Print the outcome table of every topic, or of those named."""
    for topic in _chosen(arguments):
        rows = outcomes.rows_of(topic, outcomes.CANDIDATES)
        print("\n".join([f"Topic {topic.number}, {topic.title}", *outcomes.lines(topic, rows), ""]))
    return 0


def matrix(arguments):
    """Print one line a mutant: its diagnosis, and the tests that fail on it."""
    topic = catalog().topic(arguments.topic)
    planted = mutants.mutants_of(topic)
    for id, run in mutants.run_all(topic, planted).items():
        dead = [row["test"] for row in run.rows if row["outcome"] != "pass"]
        print(f"{id}: {run.ending}; {', '.join(dead) or 'no test fails'}")
    return 0


def signatures(arguments):
    """Write what each mutant computes beside its topic."""
    for topic in _chosen(arguments):
        planted = mutants.mutants_of(topic)
        if planted:
            text = signature_text(topic, planted, mutants.run_all(topic, planted))
            (topic.folder / "signatures.json").write_text(text, encoding="utf-8")
            print(f"Topic {topic.number}: {len(planted)} mutants.")
    return 0


def signature_text(topic, planted, runs):
    return mutants.as_text(mutants.signatures(planted, runs))


def pictures(arguments):
    """Draw every picture of the texts into its place."""
    for path in gallery.write():
        print(path.relative_to(ROOT))
    return 0


def notebook_files(arguments):
    """Build every notebook into its place."""
    for path in notebooks.write():
        print(path.relative_to(ROOT))
    return 0


def table(arguments):
    print(proof.topic_table(catalog()))
    return 0


def new_topic(arguments):
    """Make the folder of a topic from the template, and its entry in the catalogue; nothing is overwritten."""
    folder = TOPICS / f"{arguments.number}-{arguments.slug}"
    if folder.exists():
        raise CatalogError(f"topics/{folder.name} is there already.")
    words = {"NUMBER": arguments.number, "SLUG": arguments.slug, "MODULE": arguments.slug.replace("-", "_"),
             "TITLE": arguments.title}  # fmt: skip
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("entry.toml", "__pycache__"))
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.write_text(_filled(path.read_text(encoding="utf-8"), words), encoding="utf-8")
    manifest = TOPICS / "catalog.toml"
    entry = _filled((TEMPLATE / "entry.toml").read_text(encoding="utf-8"), words)
    manifest.write_text(
        _without_planned(manifest.read_text(encoding="utf-8"), arguments.number) + "\n" + entry, "utf-8"
    )
    print(f"Made topics/{folder.name} and its entry. What it still lacks: python3 scripts/maintain.py check")
    return 0


def _filled(text, words):
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _without_planned(text, number):
    """The manifest without the planned entry of a number, which the new entry replaces."""
    parts = text.split("[[topic]]\n")
    kept = [part for part in parts[1:] if f'number = "{number}"' not in part or 'status = "ready"' in part]
    return "[[topic]]\n".join([parts[0], *kept]).rstrip() + "\n"


COMMANDS = {
    "check": check, "outcomes": outcome_tables, "matrix": matrix, "signatures": signatures, "table": table,
    "pictures": pictures, "notebooks": notebook_files,
    "new-topic": new_topic,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
