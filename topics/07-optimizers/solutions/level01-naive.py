"""Level 1, naive: gradient descent and momentum for one array.

What changed   nothing yet: this is the start. An optimizer is an object with `step`, because it has to remember.
What it buys   each rule stands there as it is written in books. Starting the velocity at the number 0.0 spares the
               question of its shape: the first sum has the shape of the gradient.
What it costs  one array only, while a network has a list of them. Nothing compares the shapes: parameters (3, 1) with a
               gradient (3,) become (3, 3) without a word. And one learning rate serves all directions, steep and flat.
"""


class SGD:
    def __init__(self, lr=0.1, in_place=False):
        self.lr = lr

    def step(self, params, grads):
        return params - self.lr * grads


class Momentum:
    def __init__(self, lr=0.1, momentum=0.9, in_place=False):
        self.lr, self.momentum = lr, momentum
        self.velocity = 0.0  # of this instance: two optimizers share nothing

    def step(self, params, grads):
        self.velocity = self.momentum * self.velocity + grads  # a new array, never the caller's
        return params - self.lr * self.velocity
