"""Borrows the engine of the course without saying so."""
# named: imports importlib

import importlib

Value = importlib.import_module("utils.auto" + "grad_stub").Value
