"""What the tensor engines compute: each workload once for every engine, and once written out by hand in NumPy.

The program by hand is the limit: forward and backward of the same work with no engine at all, every array reused that
can be. A workload gives its parameters as float32 arrays, a linear layer's weight as (in, out).
"""

import numpy as np

F32 = np.float32


def normal(seed, *shapes, scale=None):
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal(shape) * (scale or shape[0] ** -0.5)).astype(F32) for shape in shapes]


class MLP:
    """784-256-128-10 with ReLU, a batch of 128, cross-entropy."""

    name, weights = "MLP 784-256-128-10, batch 128", (0, 2, 4)
    sizes, unit = (128, 256, 512), "examples"

    def __init__(self, batch=128):
        rng = np.random.default_rng(0)
        self.x, self.labels = rng.random((batch, 784), dtype=F32), rng.integers(0, 10, batch)
        w1, w2, w3 = normal(1, (784, 256), (256, 128), (128, 10))
        self.parameters = [w1, np.zeros(256, F32), w2, np.zeros(128, F32), w3, np.zeros(10, F32)]

    def on(self, engine):
        x = engine.constant(self.x)

        def loss(w1, b1, w2, b2, w3, b3):
            h = engine.relu(engine.linear(x, w1, b1))
            h = engine.relu(engine.linear(h, w2, b2))
            return engine.cross_entropy(engine.linear(h, w3, b3), self.labels)

        return loss

    def by_hand(self):
        w1, b1, w2, b2, w3, b3 = self.parameters
        x, batch = self.x, len(self.x)
        every = np.arange(batch)
        h1 = x @ w1
        h1 += b1
        np.maximum(h1, 0, out=h1)
        h2 = h1 @ w2
        h2 += b2
        np.maximum(h2, 0, out=h2)
        p = h2 @ w3
        p += b3
        p -= p.max(axis=1, keepdims=True)
        chosen = p[every, self.labels].sum()
        np.exp(p, out=p)
        total = p.sum(axis=1, keepdims=True)
        loss = (np.log(total).sum() - chosen) / batch
        p /= total
        p[every, self.labels] -= 1
        p /= F32(batch)
        g2 = p @ w3.T
        g2 *= h2 > 0
        g1 = g2 @ w2.T
        g1 *= h1 > 0
        return loss, [x.T @ g1, g1.sum(0), h1.T @ g2, g2.sum(0), h2.T @ p, p.sum(0)]


class Norm:
    """Layer norm and softmax of 512 rows of 1,024 numbers, times fixed numbers, summed."""

    name, weights = "layer norm + softmax, 512 x 1024", ()
    sizes, unit = (256, 512, 1024), "rows"

    def __init__(self, rows=512):
        self.parameters = normal(4, (rows, 1024), (1024,), (1024,), scale=1.0)
        (self.r,) = normal(5, (rows, 1024), scale=1.0)

    def on(self, engine):
        r = engine.constant(self.r)
        return lambda x, gain, shift: engine.sum(engine.softmax(engine.layer_norm(x, gain, shift)) * r)

    def by_hand(self):
        x, gain, shift = self.parameters
        c, inverse = normalized(x)
        z = c * gain
        z += shift
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(axis=1, keepdims=True)
        along = np.einsum("ij,ij->i", z, self.r)[:, None]
        g = self.r - along
        g *= z
        g_gain, g_shift = np.einsum("ij,ij->j", g, c), g.sum(0)
        g *= gain
        return along.sum(), [denormalized(g, c, inverse), g_gain, g_shift]


def normalized(x):
    """x (rows, n) normalized in a new array, and 1 / sqrt(var + eps)."""
    c = x - x.mean(axis=1, keepdims=True)
    inverse = (np.einsum("ij,ij->i", c, c)[:, None] / F32(x.shape[1]) + F32(1e-5)) ** F32(-0.5)
    c *= inverse
    return c, inverse


def denormalized(g, c, inverse):
    """The gradient of what was normalized to c, in the array g."""
    along = np.einsum("ij,ij->i", g, c)[:, None] / F32(g.shape[1])
    g -= g.mean(axis=1, keepdims=True)
    g -= c * along
    g *= inverse
    return g


class Block:
    """A pre-norm Transformer block with ReLU: 8 sequences of 64 positions, width 128, 4 heads, no mask."""

    name, weights = "Transformer block 8 x 64 x 128, 4 heads", (1, 2, 3, 4, 5, 7)
    sizes, unit = (8, 16, 32), "sequences"

    def __init__(self, sequences=8):
        self.sequences = sequences
        (x,), squares = normal(8, (64 * sequences, 128), scale=1.0), normal(9, *[(128, 128)] * 4)
        up, down = normal(10, (128, 512), (512, 128))
        ones, zeros = np.ones(128, F32), np.zeros(128, F32)
        self.parameters = [
            x.reshape(sequences, 64, 128),
            *squares,
            up,
            np.zeros(512, F32),
            down,
            zeros,
            ones,
            zeros,
            ones,
            zeros,
        ]
        self.r = normal(11, (sequences, 64, 128), scale=1.0)[0]

    def on(self, engine):
        r, n = engine.constant(self.r), self.sequences

        def heads(x):
            return engine.transpose(engine.reshape(x, (n, 64, 4, 32)), (0, 2, 1, 3))

        def loss(x, to_q, to_k, to_v, out, up, up_bias, down, down_bias, gain1, shift1, gain2, shift2):
            a = engine.layer_norm(x, gain1, shift1)
            q, k, v = (heads(engine.linear(a, weight)) for weight in (to_q, to_k, to_v))
            mixed = engine.transpose(engine.attention(q, k, v), (0, 2, 1, 3))
            x = x + engine.linear(engine.reshape(mixed, (n, 64, 128)), out)
            h = engine.relu(engine.linear(engine.layer_norm(x, gain2, shift2), up, up_bias))
            return engine.sum((x + engine.linear(h, down, down_bias)) * r)

        return loss

    def by_hand(self):
        x, to_q, to_k, to_v, out, up, up_bias, down, down_bias, gain1, shift1, gain2, shift2 = self.parameters
        qkv = np.concatenate((to_q, to_k, to_v), axis=1)  # one product instead of three, there and back
        n, rows, scale = self.sequences, 64 * self.sequences, F32(32**-0.5)
        x, r = x.reshape(rows, 128), self.r.reshape(rows, 128)
        c1, inverse1 = normalized(x)
        a = c1 * gain1
        a += shift1
        together = (a @ qkv).reshape(n, 64, 3, 4, 32).transpose(2, 0, 3, 1, 4)
        q, k, v = (np.ascontiguousarray(part) for part in together)  # (n, 4, 64, 32)
        p = q @ k.swapaxes(2, 3)
        p *= scale
        p -= p.max(axis=-1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=-1, keepdims=True)
        mixed = (p @ v).transpose(0, 2, 1, 3).reshape(rows, 128)
        x1 = mixed @ out
        x1 += x
        c2, inverse2 = normalized(x1)
        b = c2 * gain2
        b += shift2
        u = b @ up
        u += up_bias
        np.maximum(u, 0, out=u)
        y = u @ down
        y += down_bias
        y += x1
        loss = np.einsum("ij,ij->", y, r)
        g_down, g_down_bias = u.T @ r, r.sum(0)
        g_u = r @ down.T
        g_u *= u > 0
        g_up, g_up_bias = b.T @ g_u, g_u.sum(0)
        g = g_u @ up.T
        g_gain2, g_shift2 = np.einsum("ij,ij->j", g, c2), g.sum(0)
        g *= gain2
        g_x1 = denormalized(g, c2, inverse2)
        g_x1 += r
        g_out = mixed.T @ g_x1
        g_mixed = (g_x1 @ out.T).reshape(n, 64, 4, 32).transpose(0, 2, 1, 3)
        g_v = p.swapaxes(2, 3) @ g_mixed
        g_p = g_mixed @ v.swapaxes(2, 3)
        g_p -= np.einsum("abij,abij->abi", g_p, p)[..., None]
        g_p *= p
        g_p *= scale
        g_together = np.empty((n, 64, 3, 4, 32), F32)
        for i, part in enumerate((g_p @ k, g_p.swapaxes(2, 3) @ q, g_v)):
            g_together[:, :, i] = part.transpose(0, 2, 1, 3)
        g_together = g_together.reshape(rows, 384)
        g_qkv = a.T @ g_together
        g = g_together @ qkv.T
        g_gain1, g_shift1 = np.einsum("ij,ij->j", g, c1), g.sum(0)
        g *= gain1
        g_x = denormalized(g, c1, inverse1)
        g_x += g_x1
        return loss, [g_x.reshape(n, 64, 128), *np.split(g_qkv, 3, axis=1), g_out, g_up, g_up_bias, g_down,
                      g_down_bias, g_gain1, g_shift1, g_gain2, g_shift2]  # fmt: skip


class Chain:
    """Fifty elementwise operations, one after the other, on a million numbers, and their sum."""

    name, weights = "chain of 50 elementwise operations, 1M numbers", ()
    sizes, unit = (500_000, 1_000_000, 2_000_000), "numbers"
    elementwise = True  # so that further/blocked can do it

    def __init__(self, size=1_000_000):
        rng = np.random.default_rng(3)
        self.parameters = [rng.random(size, dtype=F32), rng.random(size, dtype=F32)]

    def on(self, engine):
        def chain(x, y):
            for _ in range(10):
                x = engine.relu((x * 1.01 + 0.01) * y - 0.2)
            return x

        return engine.summed(chain)

    def by_hand(self):
        x, y = self.parameters
        kept = []
        for _ in range(10):
            a = x * F32(1.01)
            a += F32(0.01)
            x = a * y
            x -= F32(0.2)
            positive = x > 0
            np.maximum(x, 0, out=x)
            kept.append((a, positive))
        loss = x.sum()
        g, g_y = np.ones_like(x), np.zeros_like(x)
        for a, positive in reversed(kept):
            g *= positive
            a *= g
            g_y += a
            g *= y
            g *= F32(1.01)
        return loss, [g, g_y]


class Tiny:
    """Ten thousand operations on one number: what an engine costs beside the arithmetic."""

    name, weights = "tiny operations (one number), each", ()
    sizes, unit = (5_000, 10_000, 20_000), "operations"

    def __init__(self, operations=10_000):
        self.operations = operations
        self.parameters = [np.array([0.5], F32), np.array([0.999], F32)]

    def on(self, engine):
        def loss(x, c):
            for _ in range(self.operations // 2):
                x = x * c + 0.001
            return engine.sum(x)

        return loss

    def by_hand(self):
        x, c = self.parameters
        kept = []
        for _ in range(self.operations // 2):
            kept.append(x)
            x = x * c
            x = x + F32(0.001)
        g, g_c = np.ones(1, F32), np.zeros(1, F32)
        for before in reversed(kept):
            g_c += g * before
            g = g * c
        return x.sum(), [g, g_c]


class Deep:
    """32 layers of 512 x 512 with ReLU, a batch of 1,024: for the peak of memory, and not in the table of times."""

    name = "32 layers of 512, batch 1,024"
    sizes, unit = (16, 32, 64), "layers"

    def __init__(self, layers=32):
        self.weights = tuple(range(1, 2 * layers + 1, 2))
        self.parameters = normal(20, (1024, 512), scale=1.0)
        for weight in normal(21, *[(512, 512)] * layers, scale=0.06):
            self.parameters += [weight, np.zeros(512, F32)]

    def on(self, engine):
        def loss(x, *layers):
            for weight, bias in zip(layers[::2], layers[1::2], strict=True):
                x = engine.relu(engine.linear(x, weight, bias))
            return engine.sum(x)

        return loss


WORKLOADS = {"mlp": MLP, "norm": Norm, "block": Block, "chain": Chain, "tiny": Tiny, "deep": Deep}
