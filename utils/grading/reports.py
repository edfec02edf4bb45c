"""What a batch leaves behind: grades.csv, a page and a JSON file for each student, and the class in one page.

Every word that comes from a submission is escaped. Nothing here depends on the time or on the order of work, so a batch
that was interrupted leaves the same files as one that was not.
"""

import csv
import hashlib
import html
import io
import json
import re
from collections import Counter, defaultdict

from utils.course.catalog import catalog
from utils.course.state import atomically
from utils.grading import judge, marks, similarity

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
pre{background:#f5f5f2;padding:1em;overflow-x:auto;font:14px/1.4 monospace}table{border-collapse:collapse;margin:1em 0}
td,th{border:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}td.n{text-align:right}
.pass{background:#e3f1e0}.part{background:#fdf3d6}.fail{background:#f8e1dd}small{color:#555}"""
MOST_CLUSTERS = 40
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a cell for a formula


class Batch:
    """The submissions of a batch with their results, ready to be told."""

    def __init__(self, submissions, units, results, head, table):
        self.submissions, self.results, self.head, self.table = submissions, results, head, table
        self.topics = sorted({unit.topic for unit in units})
        self.levels = {unit.topic: unit.levels for unit in units}
        self.grades = {one.student: [self._grade(one, number) for number in self.topics] for one in submissions}

    def result(self, submission, number):
        """The result of a submission's unit in a topic, None if it has no file for it."""
        if number not in submission.files:
            return None
        missing = {"method": "not graded", "why": "not graded yet", "levels": {}, "look": {}}
        return self.results.get(f"{number} {submission.content(number)}", missing)

    def _grade(self, submission, number):
        return marks.grade(submission, number, self.result(submission, number), self.levels[number], self.table)


def write(folder, batch):
    """Write every report into the folder; the names of the main ones."""
    students = folder / "students"
    for one in batch.submissions:
        data = student_data(batch, one)
        atomically(students / f"{file_name(one.student)}.json", (json.dumps(data, indent=1) + "\n").encode())
        atomically(students / f"{file_name(one.student)}.html", student_page(batch, one, data).encode())
    atomically(folder / "grades.csv", grades_csv(batch).encode())
    told = class_data(batch)
    atomically(folder / "class.json", (json.dumps(told, indent=1) + "\n").encode())
    atomically(folder / "class.html", class_page(batch, told).encode())
    return ("grades.csv", "class.html", "students/")


def file_name(student):
    """A name for a student's files: readable, and no two students share one."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", student).strip("-.")[:60] or "student"
    return f"{plain}-{hashlib.sha256(student.encode()).hexdigest()[:6]}"


def grades_csv(batch):
    """One row a student: total, then for each topic the marks of its levels and whose work it is; remarks last."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    head = ["student", "total", "of"]
    for number in batch.topics:
        head += [f"{number} level {level}" for level in batch.levels[number]] + [f"{number} whose"]
    table.writerow([*head, "remarks"])
    for one in batch.submissions:
        grades, remarks = batch.grades[one.student], [f"refused {name}: {why}" for name, why in one.refused]
        row = [_cell(one.student), sum(g.earned for g in grades), sum(g.of for g in grades)]
        if any(grade.method == "not graded" for grade in grades):
            row[1] = "not graded"
        for grade in grades:
            row += [_shown(grade, level) for level in batch.levels[grade.topic]] + [grade.whose or grade.method]
            remarks += [f"{grade.topic}: {words}" for words in grade.remarks]
        table.writerow([*row, _cell("; ".join(remarks))])
    return out.getvalue()


def _shown(grade, level):
    return "not graded" if grade.method == "not graded" else grade.levels[level][0]


def _cell(text):
    return f"'{text}" if text.startswith(FORMULA) else text


def student_data(batch, one):
    """Everything about one student, as JSON."""
    topics = {}
    for grade in batch.grades[one.student]:
        result = batch.result(one, grade.topic)
        topics[grade.topic] = {
            "title": catalog().topic(grade.topic).title, "method": grade.method, "earned": grade.earned, "of": grade.of,
            "levels": {str(level): {"earned": earned, "of": of} for level, (earned, of) in grade.levels.items()},
            "whose": grade.whose, "remarks": list(grade.remarks),
        }  # fmt: skip
        if result and result["method"] != "not graded":
            topics[grade.topic] |= {
                "seed": result["seed"], "content": one.content(grade.topic), "steps": {
                    step: held for level in result["levels"].values() for step, held in level["steps"].items()},
                "cases": [case for level in result["levels"].values() for case in level["cases"]],
                "feedback": {k: v for k, v in result.get("feedback", {}).items() if k != "tests"},
            }  # fmt: skip
    total = sum(grade.earned for grade in batch.grades[one.student])
    return {"student": one.student, "total": round(total, 2),
            "of": round(sum(grade.of for grade in batch.grades[one.student]), 2),
            "refused": [list(pair) for pair in one.refused], "borrowed, as the learner says": list(one.borrowed),
            "log": one.log, "topics": topics}  # fmt: skip


def student_page(batch, one, data):
    """A page for the student: marks, steps, and the screen of the first level that fails, as `check` shows it."""
    parts = [f"<h1>{_text(one.student)}</h1>", f"<p>{data['total']:g} of {data['of']:g} points.</p>"]
    for number, told in data["topics"].items():
        topic = catalog().topic(number)
        parts.append(f"<h2>Topic {number}, {_text(topic.title)}: {told['earned']:g} of {told['of']:g}</h2>")
        if told["method"] in ("not graded", "not handed in"):
            parts.append(f"<p>{_text(told['method'].capitalize())}. {_text(' '.join(told['remarks']))}</p>")
            continue
        parts.append(_steps(topic, told))
        feedback = told["feedback"]
        if feedback.get("screen") and feedback.get("verdict") != "pass":
            parts.append(f"<p>What <code>python3 learn.py check</code> says at level {feedback['level']}:</p>")
            parts.append(f"<pre>{_text(feedback['screen'])}</pre>")
        if told["remarks"]:
            parts.append(_list(told["remarks"]))
        if told["method"] == "cases":
            seed = f"Judged by case programs with the seed {told['seed']}"
            file = f"the SHA-256 of the file begins with {told['content'][:12]}"
            parts.append(f"<p><small>{seed}; {file}. With both, the verdict can be repeated.</small></p>")
    if data["refused"]:
        parts += ["<h2>Not taken</h2>", _list([f"{name}: {why}" for name, why in data["refused"]])]
    return _page(one.student, parts)


def _steps(topic, told):
    """The steps of a topic with their signs, level by level, and the cases that did not hold."""
    rows = []
    # What is said about levels above the first that fails would only bury what is said about that one.
    lowest = min((step.level for step in topic.steps if told["steps"].get(step.id) is False), default=4)
    for step in topic.steps:
        if step.id not in told["steps"]:
            continue
        wrong = [case for case in told["cases"] if case["step"] == step.id and case["outcome"] != "holds"]
        wrong = wrong if step.level <= lowest else []
        words = "<br>".join(
            f"{_text(case['case'].replace('_', ' '))}: {_text(judge.WORDS[case['outcome']])}"
            + (f" ({_text(case['words'])})" if case["words"] else "") for case in wrong
        )  # fmt: skip
        held = told["steps"][step.id]
        kind, sign = ("pass", ":)") if held else ("fail", ":(")
        cells = f"<td class=n>{step.level}</td><td>{sign}</td><td>{_text(step.title)}</td><td>{words}</td>"
        rows.append(f"<tr class={kind}>{cells}</tr>")
    return f"<table><tr><th>level</th><th></th><th>step</th><th>what was seen</th></tr>{''.join(rows)}</table>"


def class_data(batch):
    """The class as a whole: matrix, misconceptions, clusters, cases nobody or everybody fails, pairs, steadiness."""
    matrix = {one.student: {grade.topic: {str(level): earned / of if of else 0.0
              for level, (earned, of) in grade.levels.items()} for grade in batch.grades[one.student]}
              for one in batch.submissions}  # fmt: skip
    misconceptions, clusters = Counter(), defaultdict(list)
    cases, tests = defaultdict(lambda: [0, 0]), defaultdict(lambda: [0, 0])
    for one in batch.submissions:
        for number in batch.topics:
            result = batch.result(one, number)
            if not result or result["method"] == "not graded":
                continue
            feedback, failed = result.get("feedback", {}), []
            for level, told in result["levels"].items():
                for case in told["cases"]:
                    key = (number, int(level), case["case"])
                    cases[key][0] += 1
                    cases[key][1] += case["outcome"] != "holds"
                    if case["outcome"] != "holds" and int(level) == feedback.get("level"):
                        failed.append(case["case"])
            for test, _, outcome in feedback.get("tests", ()):
                tests[number, feedback["level"], test][0] += 1
                tests[number, feedback["level"], test][1] += outcome != "pass"
            if feedback:
                whose = result["look"]["ownership"]
                named = feedback.get("diagnosis", "") or (whose if whose != "own" else "no diagnosis")
                misconceptions[number, named, feedback.get("name", ""), feedback.get("cause", "")] += 1
                signature = (number, feedback["level"], named, feedback.get("name", ""), tuple(failed))
                clusters[signature].append(one.student)
    steady = [result.get("steady") for result in batch.results.values() if "steady" in result]
    return {
        "seed": batch.head["seed"], "isolation": batch.head["isolation"], "course": batch.head["course"],
        "submissions": len(batch.submissions), "matrix": matrix,
        "misconceptions": [{"topic": number, "diagnosis": id, "name": name, "cause": cause, "students": count}
                           for (number, id, name, cause), count in _by_count(misconceptions)],
        "clusters": [{"topic": number, "level": level, "diagnosis": id, "name": name, "cases": list(failed),
                      "students": students, "representative": students[0]}
                     for (number, level, id, name, failed), students in
                     sorted(clusters.items(), key=lambda item: (-len(item[1]), item[0]))],
        "cases": _extremes(cases), "tests": _extremes(tests), "similar": _similar(batch),
        "graded twice": {"units": len(steady), "not steady": steady.count(False)},
    }  # fmt: skip


def _by_count(counter):
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _extremes(counts):
    """The cases (or tests) that nobody failed and that everybody failed, of those that at least one file met."""
    return {
        "nobody failed": [list(key) for key, (met, failed) in sorted(counts.items()) if not failed],
        "everybody failed": [[*key, met] for key, (met, failed) in sorted(counts.items()) if failed == met],
    }


def _similar(batch):
    from utils.course import contract
    from utils.grading import looking

    found = []
    for number in batch.topics:
        prints, who, topic = {}, defaultdict(list), catalog().topic(number)
        for one in batch.submissions:
            result = batch.result(one, number)
            if result and result["method"] != "not graded":
                content = one.content(number)
                who[content].append(one.student)
                prints[content] = result["look"]["fingerprints"]
        given = looking.fingerprints(contract.read(topic.skeleton)[0])
        for level in (1, 2, 3):
            name = f"the solution of level {level}"
            who[name], prints[name] = [name], looking.fingerprints(contract.read(topic.solution(level))[0])
        for pair in similarity.pairs(prints, given):
            if not (pair.first.startswith("the solution") and pair.second.startswith("the solution")):
                found.append(
                    {"topic": number, "first": who[pair.first], "second": who[pair.second], "share": pair.share}
                )
        empty = hashlib.sha256(topic.skeleton.read_bytes()).hexdigest()
        found += [{"topic": number, "first": students[:1], "second": students[1:], "share": 1.0}
                  for content, students in sorted(who.items()) if len(students) > 1 and content != empty]  # fmt: skip
    return found


def class_page(batch, told):
    """The class in one page."""
    parts = [f"<h1>{told['submissions']} submissions</h1>"]
    about = (
        f"Isolation: {told['isolation']}. Seed of the batch: {told['seed']}. Version of the course: {told['course']}."
    )
    parts.append(f"<p><small>{_text(about)}</small></p>")
    by_tests = [number for number in batch.topics if not judge.levels_of(catalog().topic(number))]
    if by_tests:
        parts.append(
            f"<p>Graded by public tests in the sandbox only: Topic {', '.join(by_tests)}. Such a test shares its "
            "process with the submission, so read the remarks before you trust a mark.</p>"
        )
    parts += [
        "<h2>Level by level</h2>",
        _table(("topic", "level", "all of it", "some of it", "nothing"), _shares(batch)),
    ]
    rows = [(one["students"], *(one[key] for key in ("topic", "diagnosis", "name", "cause")))
            for one in told["misconceptions"]]  # fmt: skip
    head = ("students", "topic", "diagnosis", "about", "cause")
    parts += ["<h2>Misconceptions, by count</h2>", _table(head, rows)]
    rows = [(len(one["students"]), *(one[key] for key in ("topic", "level", "diagnosis", "name")),
             _Link(one["representative"])) for one in told["clusters"][:MOST_CLUSTERS]]  # fmt: skip
    head = ("students", "topic", "level", "diagnosis", "about", "open one")
    parts += ["<h2>Clusters: the same failure</h2>", _table(head, rows)]
    for title, key in (("Case programs", "cases"), ("Public tests of the first level that fails", "tests")):
        everybody = [f"{number}, level {level}: {name} ({met})"
                     for number, level, name, met in told[key]["everybody failed"]]  # fmt: skip
        nobody = [f"{number}, level {level}: {name}" for number, level, name in told[key]["nobody failed"]]
        parts += [f"<h2>{title}</h2>", "<p>Everybody failed (teach it again, or doubt the test):</p>", _list(everybody)]
        parts += ["<p>Nobody failed (it tells nobody apart):</p>", _list(nobody)]
    rows = [(f"{pair['share']:.0%}", pair["topic"], ", ".join(pair["first"]), ", ".join(pair["second"]))
            for pair in told["similar"]]  # fmt: skip
    words = "Leads, and no verdict: look at both files. Short programs for one task are alike by nature."
    parts += ["<h2>Alike in structure</h2>", f"<p>{words}</p>", _table(("share", "topic", "one", "and"), rows)]
    twice = told["graded twice"]
    parts.append(f"<p>{twice['units']} files were graded twice; {twice['not steady']} had two results.</p>")
    parts += ["<h2>Level by student</h2>", _matrix(batch)]
    return _page("The class", parts)


def _shares(batch):
    """For each level of each topic: how many students have all of it, some of it, nothing."""
    rows = []
    for place, number in enumerate(batch.topics):
        for level in batch.levels[number]:
            marks_ = [batch.grades[one.student][place].levels[level] for one in batch.submissions]
            whole, some = sum(e >= of for e, of in marks_), sum(0 < e < of for e, of in marks_)
            rows.append((number, level, whole, some, len(marks_) - whole - some))
    return rows


def _matrix(batch):
    head = "".join(f"<th>{number}.{level}</th>" for number in batch.topics for level in batch.levels[number])
    rows = []
    for one in batch.submissions:
        cells = []
        for grade in batch.grades[one.student]:
            for level in batch.levels[grade.topic]:
                earned, of = grade.levels[level]
                kind = "pass" if earned >= of else "part" if earned else "fail"
                cells.append(f"<td class='n {kind}'>{_text(_shown(grade, level))}</td>")
        rows.append(f"<tr><td>{_link(one.student)}</td>{''.join(cells)}</tr>")
    return f"<table><tr><th>student</th>{head}</tr>{''.join(rows)}</table>"


class _Link(str):
    """A student's name that leads to the student's page."""

    __slots__ = ()


def _link(student):
    return f"<a href='students/{file_name(student)}.html'>{_text(student)}</a>"


def _table(head, rows):
    if not rows:
        return "<p>None.</p>"
    body = ""
    for row in rows:
        cells = (_link(cell) if isinstance(cell, _Link) else _text(cell) for cell in row)
        body += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    return f"<table><tr>{''.join(f'<th>{word}</th>' for word in head)}</tr>{body}</table>"


def _list(lines):
    return "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in lines) + "</ul>" if lines else "<p>None.</p>"


def _text(thing):
    if isinstance(thing, float):
        thing = f"{thing:g}"
    return html.escape("".join(c if c.isprintable() or c == "\n" else "?" for c in str(thing)))


def _page(title, parts):
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>{_text(title)}</title><style>{STYLE}</style>"
            + "\n".join(parts) + "</html>\n")  # fmt: skip
