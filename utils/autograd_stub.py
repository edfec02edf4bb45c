"""The escape hatch: a finished engine for when you want to go on and come back later.

    from utils.autograd_stub import Value

Nothing is implemented here. Each name is handed out, when first asked for, by the level 3 file of the topic that
teaches it, so importing the stub loads no NumPy.
"""

import os

# name -> slug of the topic that teaches it; `exports` in topics/catalog.toml says the same, and a test compares them.
HOMES = {
    "Value": "autograd-engine",
    "SGD": "optimizers",
    "Momentum": "optimizers",
    "Nesterov": "optimizers",
    "RMSProp": "optimizers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "warmup_cosine": "optimizers",
    "clip_by_global_norm": "optimizers",
    "Tensor": "tensor-autograd",
    "cross_entropy": "tensor-autograd",
    "detect_changes": "tensor-autograd",
    "no_grad": "tensor-autograd",
    "operation": "tensor-autograd",
    "unbroadcast": "tensor-autograd",
    "where": "tensor-autograd",
    "CharTokenizer": "tokens-and-data",
    "BytePairTokenizer": "tokens-and-data",
    "learn_merges": "tokens-and-data",
    "train_validation_split": "tokens-and-data",
    "batches": "tokens-and-data",
    "encode_file": "tokens-and-data",
    "open_ids": "tokens-and-data",
    "BatchStream": "tokens-and-data",
    "Module": "modules",
    "Parameter": "modules",
    "Linear": "modules",
    "Embedding": "modules",
    "Dropout": "modules",
    "Sequential": "modules",
    "Optimizer": "modules",
    "linear": "modules",
    "LayerNorm": "normalization",
    "BatchNorm1d": "normalization",
    "layer_norm": "normalization",
    "batch_norm": "normalization",
    "rms_norm": "normalization",
    "group_norm": "normalization",
    "survivors": "graph-lifetime",
    "links": "graph-lifetime",
    "bytes_held": "graph-lifetime",
    "path_to": "graph-lifetime",
    "embedding": "indexing",
    "concatenate": "indexing",
    "pad": "indexing",
    "select": "indexing",
    "stack": "indexing",
    "split": "indexing",
    "roll": "indexing",
    "gather": "indexing",
    "index_add": "indexing",
    "SelfAttention": "self-attention",
    "scaled_dot_product_attention": "self-attention",
    "padding_mask": "self-attention",
    "split_heads": "self-attention",
    "merge_heads": "self-attention",
    "Positions": "transformer-block",
    "FeedForward": "transformer-block",
    "TransformerBlock": "transformer-block",
    "gelu": "transformer-block",
    "recompute": "transformer-block",
}

_TOPICS = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "topics")


def __getattr__(name):
    if name not in HOMES:
        raise AttributeError(f"the stub has no {name!r}; it offers {', '.join(HOMES)}")
    from utils.course.loading import load_once

    (topic,) = (folder for folder in os.listdir(_TOPICS) if folder[2:] == f"-{HOMES[name]}")
    solutions = os.path.join(_TOPICS, topic, "solutions")
    (level03,) = (file for file in os.listdir(solutions) if file.startswith("level03-") and file.endswith(".py"))
    return getattr(load_once(os.path.join(solutions, level03)), name)


def __dir__():
    return sorted(HOMES)
