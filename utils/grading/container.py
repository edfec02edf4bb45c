"""Docker or podman as the sandbox: one container for each submission, in which the zygote of zygote.py waits.

The course is mounted read-only; of it, only what a submission may see. The image must have this Python's version and
NumPy, and pytest for the public tests.
"""

import json
import os
import shutil
import subprocess
import sys

IMAGE = "autograd-course-grader"
PROGRAMS = ("docker", "podman")


def program():
    """docker or podman, whichever answers; "" if none does."""
    for name in PROGRAMS:
        if shutil.which(name) and _answers([name, "info"]):
            return name
    return ""


def why_not(image):
    """ "" if containers can be used here, else the reason."""
    found = program()
    if not found:
        here = [name for name in PROGRAMS if shutil.which(name)]
        return f"{' and '.join(here)} is installed and does not answer" if here else "neither docker nor podman is here"
    if not _answers([found, "image", "inspect", image or IMAGE]):
        return f"{found} has no image {image or IMAGE}; TEACHING.md says how it is made"
    return ""


def command(image, order, variables):
    """The command that starts a zygote in a container of its own."""
    found = [
        program() or PROGRAMS[0], "run", "--rm", "-i", "--network", "none", "--read-only", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--pids-limit", "32", "--memory", "2g", "--memory-swap", "2g",
        "--cpus", "1", "--user", "65534:65534", "--tmpfs", "/scratch:size=16m,mode=1777", "--tmpfs", "/tmp:size=1m",
    ]  # fmt: skip
    for path in order["files"]:
        if os.path.exists(path):
            found += ["--volume", f"{path}:{path}:ro"]
    for name, value in variables.items():
        found += ["--env", f"{name}={value}"]
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [*found, image or IMAGE, python, "-m", "utils.grading.zygote", json.dumps(order)]


def _answers(words):
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
