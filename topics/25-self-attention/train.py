"""Train one layer of your attention to look things up: seven cards with a letter and a digit, then seven questions.

python3 learn.py run topics/25-self-attention/train.py
"""

import time
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.course.ownership import trained_on

TOPIC = Path(__file__).resolve().parent.name
CARDS = 7  # letters, and as many digits
WIDTH = 2 * CARDS  # of a token: which letter, then which digit


def recall(random, count):
    """x (count, 14, 14) and digits (count, 7): seven cards, each a letter and a digit, then seven questions, letters.

    `digits` answers them: what stood on the card with this letter.
    """
    letters, asked = (random.random((count, CARDS)).argsort(axis=1) for _ in range(2))
    digits = random.integers(0, CARDS, (count, CARDS))
    x = np.zeros((count, 2 * CARDS, WIDTH))
    x[:, :CARDS, :CARDS], x[:, :CARDS, CARDS:] = np.eye(CARDS)[letters], np.eye(CARDS)[digits]
    x[:, CARDS:, :CARDS] = np.eye(CARDS)[asked]
    card = (letters[:, None] == asked[:, :, None]).argmax(axis=2)
    return x, np.take_along_axis(digits, card, axis=1)


def train(layer, steps, random, watch=None):
    """So many steps of momentum with 32 new sequences each; watch(x, digits, loss) is called before each step."""
    from utils.engine import Tensor, cross_entropy

    velocities = [np.zeros(p.data.shape) for p in layer.parameters()]
    for _ in range(steps):
        x, digits = recall(random, 32)
        loss = cross_entropy(layer(Tensor(x))[:, CARDS:, CARDS:], digits)
        layer.zero_grad()
        loss.backward()
        if watch:
            watch(x, digits, loss.item())
        for p, velocity in zip(layer.parameters(), velocities, strict=True):
            velocity *= 0.9
            velocity += p.grad
            p.data -= velocity


def right(layer, random, count=100):
    """The share of right answers to the questions of so many new sequences."""
    from utils.engine import Tensor, no_grad

    x, digits = recall(random, count)
    with no_grad():
        answers = layer(Tensor(x)).data[:, CARDS:, CARDS:].argmax(axis=2)
    return (answers == digits).mean()


def words(x, digits):
    """A sequence as a person would write it: the cards, the questions, the answers."""
    letters = ["ABCDEFG"[number] for number in x[:, :CARDS].argmax(axis=1)]
    cards = [f"{letter}{number}" for letter, number in zip(letters, x[:CARDS, CARDS:].argmax(axis=1), strict=False)]
    return f"{' '.join(cards)} | {' '.join(letters[CARDS:])} -> {' '.join(map(str, digits))}"


def main():
    topic = catalog().topic(TOPIC)
    chosen = "mine" if topic.workspace_file.exists() else "level03"
    random = np.random.default_rng(0)
    layer = load_candidate(topic.candidate_path(chosen)).SelfAttention(WIDTH, 1, rng=random)
    losses, began = [], time.perf_counter()
    x, digits = recall(np.random.default_rng(1), 1)
    print(f"cards | questions -> answers:  {words(x[0], digits[0])}\n")

    def watch(x, digits, loss):
        losses.append(loss)
        if len(losses) % 20 == 1:
            share = right(layer, np.random.default_rng(2))
            print(f"step {len(losses) - 1:3}   loss {loss:6.3f}   right on new sequences {share:4.0%}")

    train(layer, 121, random, watch)
    print(f"\n{time.perf_counter() - began:.1f} seconds on {'your layer' if chosen == 'mine' else 'level 3'}; "
          f"guessing is right in {1 / CARDS:.0%}")  # fmt: skip
    print(trained_on(topic))


if __name__ == "__main__":
    main()
