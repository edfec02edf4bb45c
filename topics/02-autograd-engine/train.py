"""Train a small network on your engine: four samples first, then two interlocking half moons.

python topics/02-autograd-engine/train.py
"""

import math
import random

from nn import MLP

# Four points in three dimensions. A plane separates the two classes, so one neuron would do; the network learns them
# by heart, and that is enough to show that every gradient points the right way.
SAMPLES = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
TARGETS = [1.0, -1.0, -1.0, 1.0]


def sum_of_squares(net, samples, targets):
    """The squared errors, added and not averaged: divided by their number it would be the mean squared error."""
    return sum((net(x) - y) ** 2 for x, y in zip(samples, targets, strict=True))


def step(net, samples, targets, rate):
    """One step of gradient descent on all samples; the loss before it."""
    loss = sum_of_squares(net, samples, targets)
    for parameter in net.parameters():
        parameter.zero_grad()  # gradients add up, and those of the last step are still there
    loss.backward()
    for parameter in net.parameters():
        parameter.data -= rate * parameter.grad
    return loss.data


def four_samples(epochs=100, rate=0.05, seed=2, report=print):
    """Train MLP(3, [4, 4, 1]) on the four samples; the network and its losses."""
    net, losses = MLP(3, [4, 4, 1], random.Random(seed)), []
    for epoch in range(1, epochs + 1):
        losses.append(step(net, SAMPLES, TARGETS, rate))
        if epoch == 1 or epoch % 10 == 0:
            report(f"epoch {epoch:3}   loss {losses[-1]:.6f}")
    return net, losses


def moons(count, rng, noise=0.1):
    """`count` points on two half circles, one upside down and shifted into the other, and their classes -1 and 1."""
    points, classes = [], []
    for n in range(count):
        angle = math.pi * rng.random()
        upper = n % 2 == 0
        x, y = (math.cos(angle), math.sin(angle)) if upper else (1 - math.cos(angle), 0.5 - math.sin(angle))
        points.append([x + rng.gauss(0, noise), y + rng.gauss(0, noise)])
        classes.append(1.0 if upper else -1.0)
    return points, classes


def accuracy(net, samples, targets):
    """The share of samples whose output has the sign of its target."""
    return sum((net(x).data > 0) == (y > 0) for x, y in zip(samples, targets, strict=True)) / len(samples)


def two_moons(epochs=100, rate=0.02, count=40, seed=2, report=print):
    """Train MLP(2, [8, 1]) on two moons, which no straight line separates; the network and its accuracy."""
    rng = random.Random(seed)
    points, classes = moons(count, rng)
    net = MLP(2, [8, 1], rng)
    for epoch in range(1, epochs + 1):
        loss = step(net, points, classes, rate)
        if epoch == 1 or epoch % 10 == 0:
            report(f"epoch {epoch:3}   loss {loss:9.6f}   accuracy {accuracy(net, points, classes):.0%}")
    return net, accuracy(net, points, classes)


def main():
    print("Four samples, MLP(3, [4, 4, 1]): the loss is the sum of four squared errors.\n")
    net, _ = four_samples()
    print("\ninput               wanted   predicted")
    for x, y in zip(SAMPLES, TARGETS, strict=True):
        print(f"{x!s:20}{y:6.1f}   {net(x).data:9.4f}")
    print("\nTwo moons, MLP(2, [8, 1]):\n")
    two_moons()


if __name__ == "__main__":
    main()
