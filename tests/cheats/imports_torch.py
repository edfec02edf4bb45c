"""Wraps PyTorch."""
# named: another engine

import torch


class Value:
    def __init__(self, data):
        self.t = torch.tensor(data, requires_grad=True)
