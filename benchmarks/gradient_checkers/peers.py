"""The other checkers, each with its default settings, asked the same questions.

A checker is a function of (f, inputs, backward) that returns True when it is content; f
and backward work on NumPy arrays. One that raises is not content. Tools that measure
without a verdict are judged by `np.allclose` with its defaults.
"""

import importlib.util

import numpy as np


def as_arrays(inputs):
    """Floating arrays; a peer may keep and change them."""
    arrays = [np.array(x) for x in inputs]
    return [x if x.dtype.kind == "f" else x.astype(float) for x in arrays]


def upstream_gradient(u, inputs, backward):
    """The claimed gradients as arrays, or an exception where the contract is broken."""
    gradients = backward(u, *inputs)
    if len(gradients) != len(inputs):
        raise ValueError("a gradient for each input is wanted")
    return [np.array(g, dtype=x.dtype) for g, x in zip(gradients, inputs, strict=True)]


# Checkers with a verdict of their own ------------------------------------------------


def torch_gradcheck(fast):
    def check(f, inputs, backward):
        import torch

        class Operation(torch.autograd.Function):
            @staticmethod
            def forward(context, *tensors):
                context.save_for_backward(*tensors)
                return torch.from_numpy(np.array(f(*[t.detach().numpy() for t in tensors])))

            @staticmethod
            def backward(context, upstream):
                arrays = [t.detach().numpy() for t in context.saved_tensors]
                return tuple(map(torch.from_numpy, upstream_gradient(upstream.numpy(), arrays, backward)))

        torch.manual_seed(0)
        tensors = [torch.from_numpy(x).requires_grad_() for x in as_arrays(inputs)]
        return torch.autograd.gradcheck(Operation.apply, tensors, fast_mode=fast)

    return check


def jax_check_grads(f, inputs, backward):
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    arrays = as_arrays(inputs)
    output = np.array(f(*[x.copy() for x in arrays]))
    result = jax.ShapeDtypeStruct(output.shape, output.dtype)
    shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arrays)

    def call(*xs):
        return jax.pure_callback(lambda *a: np.array(f(*map(np.array, a)), dtype=output.dtype), result, *xs)

    def call_backward(u, *xs):
        def gradients(u, *a):
            return tuple(upstream_gradient(np.array(u), list(map(np.array, a)), backward))

        return jax.pure_callback(gradients, shapes, u, *xs)

    wrapped = jax.custom_vjp(call)
    wrapped.defvjp(lambda *xs: (call(*xs), xs), lambda xs, u: call_backward(u, *xs))
    check_grads(wrapped, tuple(map(jax.numpy.asarray, arrays)), order=1, modes=["rev"])
    return True


def autograd_check_grads(f, inputs, backward):
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    operation = primitive(lambda *xs: np.array(f(*xs))[()])

    def rule(i):
        return lambda y, *xs: lambda u: upstream_gradient(u, list(map(np.asarray, xs)), backward)[i]

    defvjp(operation, *map(rule, range(len(inputs))))
    np.random.seed(0)  # it draws its direction from NumPy's global generator
    check_grads(operation, modes=["rev"], order=1)(*[x[()] for x in as_arrays(inputs)])
    return True


def scipy_check_grad(f, inputs, backward):
    from scipy.optimize import check_grad

    flat, value, claimed = as_one_vector(f, inputs, backward)
    return all(
        check_grad(lambda v, u=u: float(u @ value(v)), lambda v, u=u: claimed(u, v), flat) < 1e-6
        for u in directions(value(flat).size)
    )


# Tools that measure ------------------------------------------------------------------


def scipy_approx_derivative(f, inputs, backward):
    from scipy.optimize._numdiff import approx_derivative

    return jacobians_close(approx_derivative, f, inputs, backward)


def numdifftools_jacobian(f, inputs, backward):
    import numdifftools

    return jacobians_close(lambda value, flat: numdifftools.Jacobian(value)(flat), f, inputs, backward)


def jacobians_close(measure, f, inputs, backward):
    flat, value, claimed = as_one_vector(f, inputs, backward)
    rows = directions(value(flat).size)
    measured = np.reshape(measure(lambda v: rows @ value(v), flat), (len(rows), flat.size))
    return np.allclose([claimed(u, flat) for u in rows], measured)


def directions(count):
    """Each output alone while there are few, else random mixtures."""
    return np.eye(count) if count <= 32 else np.random.default_rng(0).standard_normal((4, count))


def as_one_vector(f, inputs, backward):
    arrays = as_arrays(inputs)
    bounds = np.cumsum([x.size for x in arrays])[:-1]

    def parts(v):
        return [p.reshape(x.shape).astype(x.dtype) for p, x in zip(np.split(v, bounds), arrays, strict=True)]

    def value(v):
        return np.array(f(*parts(v)), dtype=float).ravel()

    shape = np.shape(f(*parts(np.concatenate([x.ravel() for x in arrays]))))

    def claimed(u, v):
        gradients = upstream_gradient(np.reshape(u, shape)[()], parts(v), backward)
        spread = [np.broadcast_to(g, x.shape) for g, x in zip(gradients, arrays, strict=True)]
        return np.concatenate([g.ravel() for g in spread]).astype(float)

    return np.concatenate([x.ravel() for x in arrays]).astype(float), value, claimed


PEERS = {
    "torch gradcheck, slow": ("torch", torch_gradcheck(fast=False)),
    "torch gradcheck, fast": ("torch", torch_gradcheck(fast=True)),
    "jax check_grads": ("jax", jax_check_grads),
    "HIPS autograd check_grads": ("autograd", autograd_check_grads),
    "scipy check_grad < 1e-6": ("scipy", scipy_check_grad),
    "scipy approx_derivative": ("scipy", scipy_approx_derivative),
    "numdifftools Jacobian": ("numdifftools", numdifftools_jacobian),
}


def installed(package) -> bool:
    return importlib.util.find_spec(package) is not None
