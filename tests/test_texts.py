"""The programs in the texts run and print what the texts say; they run on the stub."""

import contextlib
import io
import os

import pytest

from utils.course import proof, texts
from utils.course.catalog import ROOT

PAGES = [path for path in proof.markdown_files() if "```python" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_programs_of_a_page_print_what_the_page_shows(path, monkeypatch):
    monkeypatch.setenv("COURSE_ENGINE", "stub")
    monkeypatch.chdir(ROOT)
    namespace, printed, where = {"__name__": "page"}, None, ""
    blocks = texts.blocks(path.read_text(encoding="utf-8"))
    assert any(block.info.startswith("python") for block in blocks)
    for block in blocks:
        language, *flags = block.info.split() or [""]
        if language == "python" and "no-run" not in flags:
            assert not (printed or "").strip(), f"{where} prints, and no text block follows it:\n{printed}"
            out, where = io.StringIO(), f"{path.name}:{block.line}"
            with contextlib.redirect_stdout(out):
                exec(compile(block.text, f"{where}", "exec"), namespace)
            printed = out.getvalue()
        elif language == "text" and printed:
            assert printed.rstrip().splitlines() == block.text.rstrip().splitlines(), f"after {where}"
            printed = None
    assert not (printed or "").strip(), f"{where} prints, and no text block follows it:\n{printed}"


def test_a_page_with_a_wrong_number_would_be_noticed(tmp_path):
    page = "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n"
    first, second = texts.blocks(page)
    assert (first.info, first.text, second.text) == ("python", "print(1 + 1)\n", "3\n")


def test_no_text_names_the_machine_it_was_written_on():
    home = os.path.expanduser("~")
    for path in proof.markdown_files():
        text = path.read_text(encoding="utf-8")
        assert home == "/" or f"{home}/" not in text
        assert str(ROOT) not in text
