"""Train a small GPT on your engine: Python's own documentation, or any text of yours.

python3 learn.py run topics/30-capstone-gpt/train.py
    trains yours, or level 3 before you start; Ctrl-C ends after the step, and the same command goes on where it was
python3 learn.py run topics/30-capstone-gpt/train.py --text book.txt --out book
    learns from a file of UTF-8 text, and keeps everything in the folder book
python3 learn.py run topics/30-capstone-gpt/train.py --sample "The " --temperature 0.8 --top-k 40
    trains nothing, and lets the last checkpoint go on with a beginning of yours

In the folder, .learn/gpt unless --out says otherwise: checkpoint.npz, all that the training depends on; run.json, its
settings, merges and losses; weights.npz, all that sampling needs; curve.svg.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

# On arrays as small as these a second thread saves a fifth of the time while nobody else computes, and costs a multiple
# where somebody does. NumPy reads this when it is imported; whoever sets it is obeyed.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from ngram import witten_bell

from utils.course import ownership
from utils.course.catalog import STATE, catalog
from utils.course.loading import load_candidate
from utils.course.state import atomically
from utils.engine import AdamW, BytePairTokenizer, learn_merges, train_validation_split
from utils.plots import spark, training_curves

TOPIC = catalog().topic(Path(__file__).resolve().parent.name)
RECORD = Path(__file__).with_name("recorded.json")
BEGINNING = "The "
ORDERS = (1, 2, 3, 4, 5)
SHAPE = ("block", "width", "heads", "depth", "dropout")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidate", help="mine, stub, level02, level03, level04, or the path of a file")
    parser.add_argument("--text", type=Path, help="a file of UTF-8 text; else the documentation that Python brings")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=8, help="windows in a batch")
    parser.add_argument("--block", type=int, default=64, help="tokens in a window")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--merges", type=int, default=768, help="tokens beside the 256 bytes")
    parser.add_argument("--rate", type=float, default=0.002, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=int, default=50, help="steps between two checkpoints")
    parser.add_argument("--out", type=Path, default=STATE / "gpt", help="the folder in which all is kept")
    parser.add_argument("--fresh", action="store_true", help="begin anew, and overwrite what is in the folder")
    parser.add_argument("--record", action="store_true", help="write the run into recorded.json, for the README")
    parser.add_argument("--sample", metavar="BEGINNING", help="train nothing; go on with this text")
    parser.add_argument("--count", type=int, default=200, help="tokens to sample")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-k", type=int, default=40)
    return parser.parse_args()


def documentation():
    """The reference texts that come with every Python, one after the other; they differ from version to version."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


def chosen(name=None):
    """The candidate with this name; without one yours, or level 3 before you start."""
    return load_candidate(TOPIC.candidate_path(name or ("mine" if TOPIC.workspace_file.exists() else "level03")))


def model_of(capstone, settings, vocab_size):
    """The GPT that the settings describe, in float32."""
    shape = {name: settings[name] for name in SHAPE}
    return capstone.GPT(vocab_size, shape.pop("block"), **shape, rng=settings["seed"]).to(np.float32)


class Run:
    """A training, and all that belongs to it: the text in two parts, its tokens, the folder, and what is to beat."""

    def __init__(self, wanted, capstone):
        text = wanted.text.read_text(encoding="utf-8") if wanted.text else documentation()
        self.capstone, self.folder = capstone, wanted.out
        names = ("steps", "batch", *SHAPE, "merges", "rate", "seed")
        self.settings = {name: getattr(wanted, name) for name in names}
        self.settings["text"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        self.train, self.validation = train_validation_split(text)
        print(f"{len(self.train):,} characters to learn from, {len(self.validation):,} to be judged by")
        self.kept = {} if wanted.fresh else self._kept()
        self.merges = self.kept.get("merges") or learn_merges(self.train, wanted.merges)
        self.tokenizer = BytePairTokenizer(self.merges)
        ids, self.held_out = np.array(self.tokenizer.encode(self.train)), self.tokenizer.encode(self.validation)
        self.first = len(self.tokenizer.decode(self.held_out[:1]))  # the first token is scored by nobody
        self.model = model_of(capstone, self.settings, self.tokenizer.vocab_size)
        self.trainer = capstone.Trainer(self.model, ids, AdamW(beta2=0.95, weight_decay=0.1, in_place=True),
                                        wanted.batch, wanted.steps, wanted.rate, min(100, wanted.steps // 10),
                                        wanted.seed)  # fmt: skip
        print(f"{len(ids):,} tokens of {len(self.train) / len(ids):.2f} characters; "
              f"{sum(parameter.data.size for parameter in self.model.parameters()):,} parameters")  # fmt: skip
        if self.kept:
            self.trainer.load(self.folder / "checkpoint.npz")
        self.before = self.kept.get("seconds", 0.0)
        self.reports = [row for row in self.kept.get("reports", []) if row[0] <= self.trainer.steps_done]
        self.counted = self.kept.get("counted") or self._counted()
        self.began = time.monotonic()

    def _kept(self):
        """What run.json says, {} where there is no training yet. Leaves Python where it is one with other settings."""
        try:
            kept = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        other = [f"{name} {kept['settings'].get(name)}" for name in self.settings
                 if kept["settings"].get(name) != self.settings[name]]  # fmt: skip
        if other:
            sys.exit(f"{self.folder} holds a training with other settings: {', '.join(other)}.\n"
                     "--fresh overwrites it, --out NAME leaves it alone.")  # fmt: skip
        return kept

    def _counted(self):
        print("counting", end="", flush=True)
        found = []
        for order in ORDERS:
            print(f" {order}", end="", flush=True)
            found.append(witten_bell(self.train, self.validation, order, self.first))
        print(" characters in a row")
        return found

    def seconds(self):
        """How long the training has taken, all its sittings together."""
        return self.before + time.monotonic() - self.began

    def save(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.trainer.save(self.folder / "checkpoint.npz")
        found = {"settings": self.settings, "merges": self.merges, "counted": self.counted, "reports": self.reports}
        found |= {"seconds": self.seconds(), "losses": self.trainer.losses}
        atomically(self.folder / "run.json", json.dumps(found).encode())

    def save_weights(self):
        self.model.save(self.folder / "weights.npz")
        training_curves(self.trainer.losses, title="Loss of each batch, nats a token").save(self.folder / "curve.svg")

    def report(self):
        """Score the validation text, and let the model say something."""
        tokens = self.capstone.validation_loss(self.model, self.held_out) * (len(self.held_out) - 1)
        nats = tokens / (len(self.validation) - self.first)
        self.reports.append([self.trainer.steps_done, nats])
        print(f"step {self.trainer.steps_done}/{self.trainer.steps}  validation {nats:.4f} nats a character  "
              f"{spark(self.trainer.losses, 20)}")  # fmt: skip
        print("    " + self.said(BEGINNING, 40).replace("\n", "\n    "), flush=True)

    def said(self, beginning, count, temperature=0.8, top_k=40):
        ids = self.tokenizer.encode(beginning)
        return self.tokenizer.decode(
            self.capstone.sample(self.model, ids, count, temperature, top_k, rng=self.settings["seed"])
        )


def train(run, save_every):
    """Train to the end, or until Ctrl-C; says whether it is the end."""
    interrupted = []

    def stop(number, frame):
        interrupted.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever presses twice will not wait

    signal.signal(signal.SIGINT, stop)  # a step is finished first: a model with half a step is nobody's
    trainer, watched, sitting = run.trainer, sys.stdout.isatty(), run.trainer.steps_done
    tokens = run.settings["batch"] * run.settings["block"]
    if sitting:
        print(f"going on after step {sitting}")
    while trainer.steps_done < trainer.steps and not interrupted:
        loss = trainer.step()
        done = trainer.steps_done
        each = (time.monotonic() - run.began) / (done - sitting)
        if watched:
            full = round(20 * done / trainer.steps)
            left = time.strftime("%M:%S", time.gmtime(each * (trainer.steps - done)))
            print(f"\r[{'#' * full}{'-' * (20 - full)}] {done}/{trainer.steps}  loss {loss:.3f}  "
                  f"{tokens / each:,.0f} tokens/s  {left} left ", end="", flush=True)  # fmt: skip
        if done % max(1, trainer.steps // 10) == 0 or done == trainer.steps:
            if watched:
                print("\r" + " " * 78 + "\r", end="")
            run.report()
            run.save()
            run.save_weights()
        elif done % save_every == 0:
            run.save()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if trainer.steps_done < trainer.steps:
        run.save()
        print(f"\nstopped after step {trainer.steps_done}; the same command goes on from there")
    return trainer.steps_done == trainer.steps


def result(run):
    """The table at the end: everybody's loss on the same characters."""
    rows = [(f"counting {order} in a row" if order > 1 else "counting characters", nats)
            for order, nats in zip(ORDERS, run.counted, strict=True)]  # fmt: skip
    rows.append(("your GPT", run.reports[-1][1]))
    lines = [f"{'':<22}{'nats':>8}{'bits':>8}{'perplexity':>12}   of a character that it has not seen"]
    lines += [f"{name:<22}{nats:8.4f}{nats / math.log(2):8.3f}{math.exp(nats):12.2f}" for name, nats in rows]
    return "\n".join(lines)


def record(run):
    """Write the run into recorded.json, which the README shows."""
    losses = run.trainer.losses
    marks = sorted({round(k * len(losses) / 150) for k in range(151)})
    found = {
        "command": " ".join(["python3 learn.py run topics/30-capstone-gpt/train.py", *sys.argv[1:]]),
        "python": platform.python_version(), "numpy": np.__version__, "cores": os.cpu_count(),
        "minutes": round(run.seconds() / 60, 1), "processor_minutes": round(time.process_time() / 60, 1),
        "settings": run.settings, "tokens": len(run.trainer.ids),
        "characters": [len(run.train), len(run.validation)],
        "losses": [[(a + b) // 2, round(float(np.mean(losses[a:b])), 4)] for a, b in pairwise(marks)],
        "reports": [[step, round(nats, 4)] for step, nats in run.reports],
        "counted": [round(nats, 4) for nats in run.counted],
        "sample": run.said(BEGINNING, 200), "trained_on": ownership.trained_on(TOPIC),
    }  # fmt: skip
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def say(capstone, wanted):
    """What the weights in the folder make of a beginning."""
    if not (wanted.out / "weights.npz").exists():
        sys.exit(f"Nothing is trained in {wanted.out} yet. First run the same command without --sample; its first "
                 "report, after a tenth of the steps, saves what a sample needs.")  # fmt: skip
    kept = json.loads((wanted.out / "run.json").read_text(encoding="utf-8"))
    tokenizer = BytePairTokenizer(kept["merges"])
    model = model_of(capstone, kept["settings"], tokenizer.vocab_size)
    model.load(wanted.out / "weights.npz")
    ids = tokenizer.encode(wanted.sample)
    said = capstone.sample(model, ids, wanted.count, wanted.temperature, wanted.top_k or None, rng=wanted.seed)
    print(tokenizer.decode(said))


def main():
    wanted = arguments()
    try:
        capstone = chosen(wanted.candidate)
        if wanted.sample is not None:
            say(capstone, wanted)
            return
        run = Run(wanted, capstone)
        if not train(run, wanted.save_every):
            return
        if wanted.record:
            record(run)
        print(f"\n{run.said(BEGINNING, 200)}\n\n{result(run)}\n")
        print(f"loss     {spark(run.trainer.losses)}")
        print(f"saved    checkpoint.npz, weights.npz, run.json, curve.svg in {run.folder.resolve().name}/, "
              f"after {run.seconds() / 60:.1f} minutes")  # fmt: skip
        print(ownership.trained_on(TOPIC))
    except NotImplementedError as missing:
        print(f"not yet: {missing}")
    except (OSError, ValueError) as error:  # no such file, no UTF-8, too little text
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
