"""The course's Python environment: which one it is, whether it is complete, and how to complete it.

Standard library only, and quick to import: it runs before anything is installed.
"""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
REQUIREMENTS = os.path.join(ROOT, "requirements.txt")
WHEELHOUSE = os.path.join(ROOT, "wheelhouse")
OPTIONAL = "pygraphviz"  # where it has no wheel, pictures are text
SELFTEST = {"nbclient": "nbclient", "ipykernel": "ipykernel", "pytest-xdist": "xdist"}  # package -> what it imports as
LATER = ("torch", *SELFTEST)  # installed when something first needs them
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class Trouble(Exception):
    """Something outside the course keeps it from being set up; the text says what, and what to do."""


def chosen_prefix():
    """The folder of the environment to use: an active one (venv, conda, Colab) as it is, else .venv beside learn.py."""
    active = sys.prefix != sys.base_prefix or sys.prefix == os.environ.get("CONDA_PREFIX")
    return sys.prefix if active or "COLAB_RELEASE_TAG" in os.environ else VENV


def python_of(prefix):
    """The Python program of an environment."""
    if prefix == sys.prefix:
        return sys.executable
    return os.path.join(prefix, "Scripts", "python.exe") if os.name == "nt" else os.path.join(prefix, "bin", "python")


def is_current():
    """Is this very process running in the environment to use?"""
    return chosen_prefix() == sys.prefix


def is_ready():
    """Is everything installed except PyTorch? The stamp repeats the requirements it was made for."""
    prefix = chosen_prefix()
    try:
        with open(_stamp(prefix), encoding="utf-8") as stream:
            return stream.read() == _wanted() and os.path.exists(python_of(prefix))
    except OSError:
        return False


def set_up():
    """Make the environment and install what the first verdict needs. Raises Trouble. What is there is kept."""
    prefix = chosen_prefix()
    print("Setting up, once: pytest, NumPy and five small packages (35 MB). This takes half a minute.", flush=True)
    if prefix == VENV:
        _make_venv()
    lines = [line for line in _requirement_lines() if not line.startswith((*LATER, OPTIONAL))]
    _pip_install(prefix, lines, quiet=True)
    try:
        _pip_install(prefix, [line for line in _requirement_lines() if line.startswith(OPTIONAL)], quiet=True)
    except Trouble:
        print("Graphviz could not be installed, so pictures of graphs will be text. All the rest works.")
    try:
        with open(_stamp(prefix), "w", encoding="utf-8") as stream:
            stream.write(_wanted())
    except OSError as error:
        raise Trouble(_explain(str(error))) from None
    print("Set up. All of it lies in this folder.\n" if prefix == VENV else "Set up.\n")


def ensure_torch():
    """Install PyTorch into the running environment unless it is there. Raises Trouble."""
    from importlib import metadata

    (wanted,) = [line for line in _requirement_lines() if line.startswith("torch")]
    try:
        if metadata.version("torch").startswith(wanted.split("==")[1].rstrip("*")):
            return
    except metadata.PackageNotFoundError:
        pass
    options = []
    if sys.platform.startswith("linux") and not _has_nvidia() and not os.path.isdir(WHEELHOUSE):
        if _answers(TORCH_CPU_INDEX):
            options = ["--index-url", TORCH_CPU_INDEX]
        else:
            print("PyTorch's index for computers without a GPU does not answer; the default may bring 3 GB.")
    print("Installing PyTorch, once: 200 MB without GPU. Level 4 and the selftest need it.", flush=True)
    _pip_install(sys.prefix, [wanted], options, quiet=False)


def ensure_selftest():
    """Install what only the selftest needs into the running environment unless it is there. Raises Trouble."""
    from importlib.util import find_spec

    if not all(map(find_spec, SELFTEST.values())):
        print("Installing what the selftest needs, once: 16 MB, to run notebooks and tests side by side.", flush=True)
        wanted = [line for line in _requirement_lines() if line.startswith(tuple(SELFTEST))]
        _pip_install(sys.prefix, wanted, quiet=True)


def hand_over(arguments):
    """Run Python of the environment with `arguments` in place of this process; its exit code."""
    python = python_of(chosen_prefix())
    if os.name == "nt":  # there, exec would return to the prompt before the program ends
        return subprocess.call([python, *arguments])
    sys.stdout.flush()
    os.execv(python, [python, *arguments])


def _make_venv():
    try:
        done = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    except OSError as error:
        raise Trouble(_explain(str(error))) from None
    if done.returncode:
        output = done.stdout + done.stderr
        if "ensurepip" in output or "No module named venv" in output:
            raise Trouble(
                "This Python cannot make environments: its venv module is missing.\n"
                "On Debian and Ubuntu: sudo apt install python3-venv. Then run the same command again."
            )
        raise Trouble(_explain(output))


def _pip_install(prefix, requirements, options=(), *, quiet):
    command = [python_of(prefix), "-m", "pip", "install", "--disable-pip-version-check", *options]
    if os.path.isdir(WHEELHOUSE):
        command += ["--no-index", "--find-links", WHEELHOUSE]
    for requirement in requirements:
        command += requirement.split(None, 1) if requirement.startswith("-e ") else [requirement]
    if quiet:
        done = subprocess.run([*command, "--quiet"], cwd=ROOT, capture_output=True, text=True)
        output = done.stdout + done.stderr
    else:  # a long download: pip's own progress bar goes to the screen, its complaints come to us
        done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        output = done.stderr
    if done.returncode:
        raise Trouble(_explain(output))


def _explain(output):
    """One sentence with the remedy for what an installer complained about."""
    causes = (
        (("No space left", "Errno 28", "Disk quota"), "The disk is full. Free about 300 MB, then run it again."),
        (("Read-only file system", "Permission denied", "Errno 13", "Errno 30"),
         f"This folder cannot be written to: {ROOT}. Copy the course to a folder of your own, then run it there."),
        (("externally-managed",), "This Python refuses packages. Deactivate it; the course then makes its own .venv."),
        (("name resolution", "NewConnectionError", "ConnectTimeout", "Network is unreachable", "ProxyError",
          "getaddrinfo", "Max retries", "Read timed out"),
         "The package index cannot be reached. Connect to a network and run it again; what is installed stays.\n"
         "For a room without network, fill the folder wheelhouse/ as TEACHING.md says."),
        (("No matching distribution", "Could not find a version"),
         "A package of requirements.txt is not offered for this Python. Use Python 3.11 to 3.14."),
    )  # fmt: skip
    for signs, sentence in causes:
        if any(sign in output for sign in signs):
            return sentence
    last = [line for line in output.strip().splitlines() if line.strip()][-1:] or ["no reason given"]
    return f"Setting up failed: {last[0].strip()}\nRun the same command again; if it fails again, delete .venv first."


def _requirement_lines():
    with open(REQUIREMENTS, encoding="utf-8") as stream:
        return [line.split("#")[0].strip() for line in stream if line.split("#")[0].strip()]


def _wanted():
    return "\n".join(_requirement_lines()) + "\n"


def _stamp(prefix):
    return os.path.join(prefix, "autograd-course-ready.txt")


def _has_nvidia():
    return os.path.exists("/proc/driver/nvidia/version")


def _answers(url):
    from urllib.request import urlopen

    try:
        with urlopen(url + "/torch/", timeout=5):
            return True
    except (OSError, ValueError):
        return False
