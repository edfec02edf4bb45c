"""The contract of this capstone: write every name below, level by level.

`python3 learn.py start 30` copies this file to `workspace/capstone_gpt.py`. You work there. Nothing in it is ever
overwritten.

A *language model* gives, for every position of a text, one logit for each token that might come next. GPT is one made
of Transformer blocks in which no position can look at a later one.

Everything that computes comes from your engine: leave the imports where they are. `python3 learn.py own 28` and its
like make them yours, `skip` lends them.

Sizes: B sequences, T positions; T is at most block_size. ids are arrays or lists of whole numbers, 0 to vocab_size - 1.
`rng` is None, a seed, or a NumPy Generator, as in Topic 09. `rule` is a rule of Topic 07, such as AdamW(lr=0.01).
"""

import numpy as np  # noqa: F401

from utils.engine import (  # noqa: F401  yours where you own them, else the stub's
    BatchStream,
    Embedding,
    LayerNorm,
    Module,
    Optimizer,
    Positions,
    Tensor,
    TransformerBlock,
    clip_by_global_norm,
    cross_entropy,
    linear,
    no_grad,
    recompute,
    warmup_cosine,
)

# Level 1: the model, and one sentence by heart ------------------------------------------------------------------------


class GPT(Module):
    """Token embedding, positions, `depth` blocks, one last norm, and the embedding again to give logits.

    Its parts, in this order, are `embedding` (an Embedding, drawn from `rng` before all others, whose weight is then
    multiplied by 0.02), `positions` (a vector for each of block_size), `blocks` (a list of TransformerBlocks with GELU,
    `heads` and `dropout`), and `norm`. The logits are linear(norm(x), embedding.weight): the embedding is *tied* to the
    output, and is one parameter, not two (Press and Wolf, 2017). `block_size` is kept as an attribute.

    Level 3: with `recomputed` each block keeps its input only, and is computed again on the way back. Until then it is
    not asked for.
    """

    def __init__(self, vocab_size, block_size, width=64, heads=4, depth=2, dropout=0.0, rng=None, recomputed=False):
        raise NotImplementedError("GPT.__init__")

    def forward(self, ids):
        """The logits, a tensor (B, T, vocab_size), of ids (B, T). Position t has seen the tokens 0 to t, none later."""
        raise NotImplementedError("GPT.forward")


def memorize(model, x, y, rule, steps):
    """Train on one and the same batch, x and y (B, T), `steps` times; the list of the losses before each step.

    The loss is the mean cross-entropy over all positions; the losses are plain floats.
    """
    raise NotImplementedError("memorize")


def continuation(model, ids, count):
    """ids and `count` more, a new list: each is that with the largest logit after the last block_size before it."""
    raise NotImplementedError("continuation")


# Level 2: real text ---------------------------------------------------------------------------------------------------


def sample(model, ids, count, temperature=1.0, top_k=None, rng=None):
    """ids and `count` more, a list: each drawn from softmax(logits / temperature) over the top_k largest logits.

    The logits are those after the last block_size ids. temperature 0 takes the largest. Equal logits at the border of
    the top_k may all stay. Runs in eval mode and without a graph, and leaves the model in the mode in which it was.
    Raises ValueError for a negative temperature, for top_k below 1, and where there is no id to begin with.
    """
    raise NotImplementedError("sample")


def validation_loss(model, ids):
    """The mean of -log(probability) over all of the ids but the first: each is scored once, in eval mode, no graph.

    The model looks at windows of at most block_size ids. The first window scores all that it can. Each further one
    begins block_size // 2 ids later (at least one), and scores only what no window has scored before; so it has about
    half a block to look back at. The model is left in the mode in which it was. ids: at least two. Gives a float.
    """
    raise NotImplementedError("validation_loss")


class Trainer:
    """Training that can be stopped at any step, saved, and taken up again with the same losses.

    Step n, counted from 0, takes batch n of all epochs, one after the other. Epoch e has the batches of
    BatchStream(ids[e % block_size:], batch_size, block_size, seed=[seed, e], drop_last=True); every epoch ends after as
    many batches as that of epoch block_size - 1 has, which has the fewest. Raises ValueError where that is none.

    Before step n, `rule.lr` is set to warmup_cosine(n + 1, warmup, steps, peak, peak / 20). `losses` is the list of all
    losses so far, as floats, and `steps_done` their number.

    Level 3: with `parts` = k each batch is taken in k parts, one after the other, before the one step: the same
    gradients and losses, in the memory of the largest part. Until then it is not asked for.
    """

    def __init__(self, model, ids, rule, batch_size, steps, peak=0.002, warmup=100, seed=0, parts=1):
        raise NotImplementedError("Trainer.__init__")

    def step(self):
        """One step in training mode, gradients clipped to a global norm of 1; its loss, the mean over the batch.

        Raises StopIteration once `steps` are done.
        """
        raise NotImplementedError("Trainer.step")

    def save(self, path):
        """Write all that the rest of the training depends on to one file; whoever stops it half-way leaves the old one.

        That is: the model's state, all that the rule remembers (its attributes: numbers, arrays, and lists, tuples and
        dicts of them), the states of the Dropouts' generators, and the losses.
        """
        raise NotImplementedError("Trainer.save")

    def load(self, path):
        """Take up a saved training, on a Trainer made with the same arguments: the steps that follow are the same."""
        raise NotImplementedError("Trainer.load")


# Level 4: back to PyTorch ---------------------------------------------------------------------------------------------


def in_pytorch(model):
    """A torch.nn.Module with the model's weights, copied: ids (B, T), a torch tensor, to the same logits.

    Its parameters() are as many as the model's, in the same order and shapes, of the same dtype; its mode is the
    model's.
    """
    raise NotImplementedError("in_pytorch")
