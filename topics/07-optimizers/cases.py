"""What the grader asks of a submission: where an optimizer arrives after random gradients."""

import numpy as np

from utils.grading.cases import case, number_of, refuses

RULES = ("SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "AdamW")


def walk(candidate, draw, name, shapes, steps=5, **how):
    """The parameters along the way, in random directions; the caller's own arrays at the end as one more number."""
    opt = getattr(candidate, name)(lr=draw.rng.uniform(0.01, 0.2), **how)
    params = [draw.array(*shape) for shape in shapes]
    first, before = params, [p.copy() for p in params]
    answers = []
    for step in range(steps):
        grads = [draw.array(*shape) for shape in shapes]
        if len(shapes) == 1:
            params = [opt.step(params[0], grads[0])]
        else:
            params = opt.step(params, grads)
        answers += [draw.along(p) for p in params]
        if step == 2:
            opt.lr = opt.lr / 2
    return [*answers, float(all((mine == kept).all() for mine, kept in zip(first, before, strict=True)))]


def of(level, name, step):
    """A Case for one rule, on one array and on a list of them."""

    def ask(candidate, draw):
        how = {"momentum": draw.rng.uniform(0.5, 0.95)} if name in ("Momentum", "Nesterov") else {}
        how = {"weight_decay": draw.rng.uniform(0.01, 0.2)} if name == "AdamW" else how
        return [walk(candidate, draw, name, [(3, 2)], **how), walk(candidate, draw, name, [(2,), (2, 3), (1,)], **how)]

    ask.__name__ = f"steps_of_{name.lower()}"
    return case(level, name, step=step)(ask)


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "SGD")
def steps_downhill(candidate, draw):
    return walk(candidate, draw, "SGD", [(4,)])


@case(1, "Momentum")
def a_heavy_ball(candidate, draw):
    answers = walk(candidate, draw, "Momentum", [(4,)], steps=8, momentum=draw.rng.uniform(0.5, 0.95))
    g = draw.array(3)
    kept, opt = g.copy(), candidate.Momentum(lr=0.1)
    p = opt.step(opt.step(draw.array(3), g), draw.array(3))
    return [*answers, draw.along(p), float((g == kept).all())]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "SGD", step="lists")
def an_array_or_a_list_of_arrays(candidate, draw):
    answers = [walk(candidate, draw, name, [(2,), (3, 2)]) for name in ("SGD", "Momentum")]
    opt = candidate.SGD(lr=0.1)
    wrong = refuses(ValueError, lambda: opt.step(np.ones((3, 1)), np.ones(3)))
    return [*answers, wrong, refuses(ValueError, lambda: opt.step([np.ones(2), np.ones(2)], [np.ones(2)]))]


steps_of_nesterov = of(2, "Nesterov", "ahead")
steps_of_rmsprop = of(2, "RMSProp", "scale")
steps_of_adam = of(2, "Adam", "adam")
steps_of_adamw = of(2, "AdamW", "decay")


@case(2, "warmup_cosine")
def schedules_and_clips(candidate, draw):
    total, peak, floor = draw.integer(40, 90), draw.number(signed=False), 0.01
    warmup = draw.integer(1, 20)
    steps = (1, warmup, 25, total - 3, total + 9)
    answers = [candidate.warmup_cosine(step, warmup, total, peak, floor) for step in steps]
    answers += [candidate.warmup_cosine(step, 0, total, peak) for step in (1, 5)]
    for limit in (0.5, 100.0):
        grads = [draw.array(3), draw.array(2, 2)]
        kept = [g.copy() for g in grads]
        clipped, norm = candidate.clip_by_global_norm(grads, limit)
        answers += [number_of(norm), *(draw.along(g) for g in clipped)]
        for g, k, c in zip(grads, kept, clipped, strict=True):
            answers += [float((g == k).all()), float(np.shares_memory(g, c))]
    zero, norm = candidate.clip_by_global_norm([np.zeros(2)], 1.0)
    return [*answers, draw.along(zero[0]), norm]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "SGD")
def in_place_the_arrays_are_the_callers_own(candidate, draw):
    answers = []
    for name in RULES:
        opt = getattr(candidate, name)(lr=0.05, in_place=True)
        params = [draw.array(3, 2), draw.array(4, 6)[:, ::2].T]  # the second is a view
        for _ in range(3):
            grads = [draw.array(3, 2), draw.array(3, 4)]
            kept = [g.copy() for g in grads]
            back = opt.step(params, grads)
            answers.append(float(all(one is mine for one, mine in zip(back, params, strict=True))))
            answers.append(float(all((g == k).all() for g, k in zip(grads, kept, strict=True))))
        answers += [draw.along(p) for p in params]
    return answers


@case(3, "AdamW", room=1.2)
def a_step_in_place_allocates_next_to_nothing(candidate, draw):
    # Parameter, gradient, two means and one scratch buffer: 40 MB. Level 2 grows by 66.
    p, g = draw.array(1_000_000), draw.array(1_000_000)
    opt = candidate.AdamW(lr=0.01, in_place=True)
    for _ in range(3):
        opt.step(p, g)
    return draw.along(p[:1000])


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "Adam")
def long_walks(candidate, draw):
    return [walk(candidate, draw, name, [(5,), (3, 4)], steps=40)[-5:] for name in RULES]
