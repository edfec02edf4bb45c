"""Where an engine's gradients first leave the chain rule, and which mistake makes exactly these numbers.

Works on the nodes and edges of a trace (utils/pictures/steps.py), whose local derivatives were each taken alone.
"""

import itertools
import math

from utils.pictures.graphs import number

LONGEST_WALK = 5_000
MOST_USES = 12  # beyond this many uses of one value, the sums of all subsets are too many to try


def first_difference(trace, exact_data):
    """The verdict on a trace: kind, node, edges, text of the first disagreement in the order of the steps, or None.

    kind is value (a wrong number forward), seed (no 1 at the start), local (one wrong local derivative), order (passed
    on too early), repeated (a rule that ran too often), lost (a use that did not count) or sum (anything else).
    """
    nodes, edges = trace["nodes"], trace["edges"]
    for node, exact in zip(nodes, exact_data, strict=True):
        if exact is not None and not close(node["data"], exact):
            text = f"Forward, {node['op']} gives {number(node['data'])}; it should give {number(exact)}."
            return _verdict("value", node, [], text)
    if all(node["grad"] is None for node in nodes):
        return None
    # The engine's own gradients stand upstream, so that one mistake is not found again in everything below it.
    grads = [node["chain"] if node["grad"] is None else node["grad"] for node in nodes]
    if not close(grads[-1], 1.0):
        text = f"The gradient of {nodes[-1]['name']} itself is {number(grads[-1])}. Backward begins by setting it to 1."
        return _verdict("seed", nodes[-1], [], text)
    for node in reversed(nodes):
        arriving = [edge for edge in edges if edge["parent"] == node["id"]]
        shares = [grads[edge["user"]] * edge["local"] for edge in arriving] or [1.0]
        if not close(grads[node["id"]], _sum(shares)):
            return _walk_verdict(node, arriving, nodes, edges) or _share_verdict(node, arriving, shares, grads)
        wrong = next((edge for edge in edges if edge["user"] == node["id"] and not _is_right(edge, nodes)), None)
        if wrong:
            text = (f"The local derivative of {node['op']} for {nodes[wrong['parent']]['name']} is wrong: run alone, "
                    f"its rule gives {number(wrong['own'])}; it should give {number(wrong['exact'])}.")  # fmt: skip
            return _verdict("local", node, [wrong], text)
    return None


def close(got, expected):
    """Whether two gradients are the same but for rounding."""
    if not (math.isfinite(got) and math.isfinite(expected)):
        return got == expected or (math.isnan(got) and math.isnan(expected))
    return abs(got - expected) <= 1e-7 * max(1.0, abs(expected))


def _verdict(kind, node, edges, text):
    return {"kind": kind, "node": node["id"], "edges": [edge["id"] for edge in edges], "text": text}


def _sum(shares):
    return math.fsum(shares) if all(map(math.isfinite, shares)) else sum(shares)


def _is_right(edge, nodes):
    if edge["own"] is None or edge["exact"] is None:
        return True
    at_kink = nodes[edge["user"]]["op"] == "relu" and nodes[edge["parent"]]["data"] == 0
    return close(edge["own"], edge["exact"]) or (at_kink and 0 <= edge["own"] <= 1)


def _told(node, shares):
    terms = [f"({number(share)})" if share < 0 else number(share) for share in shares]
    whole = f"{' + '.join(terms)} = " if len(terms) > 1 else ""
    return (
        f"The gradient of {node['name']} is {number(node['grad'])}; the chain rule gives {whole}{number(_sum(shares))}."
    )


# Mistakes of the walk: the right rules in the wrong order, played on the same graph -----------------------------------


def _walk_verdict(node, arriving, nodes, edges):
    """The verdict if one of the usual wrong walks gives all the engine's gradients, else None."""
    for walk in _wrong_walks(nodes, edges):
        sequence = list(itertools.islice(walk, LONGEST_WALK + 1))
        if len(sequence) > LONGEST_WALK:
            continue
        grads, passed = _played(sequence, nodes, edges)
        if not all(seen["grad"] is None or close(seen["grad"], grads[seen["id"]]) for seen in nodes):
            continue
        shares = [edge["product"] for edge in arriving]
        wrong = [edge for edge in arriving if not close(passed[edge["id"]], edge["product"])]
        if not wrong:
            return None
        user, told = nodes[wrong[0]["user"]], _told(node, shares)
        if sequence.count(user["id"]) > 1:
            text = (f"{told} The rule of {user['name']} ran {sequence.count(user['id'])} times. "
                    "List each value once, however many users it has.")  # fmt: skip
            return _verdict("repeated", node, wrong, text)
        went, due = number(passed[wrong[0]["id"]]), number(wrong[0]["product"])
        text = (f"{told} {user['name']} passed on {went} and not {due}, because its turn came before all of its "
                "own gradient had arrived. Its turn must come after its users: reverse topological order.")  # fmt: skip
        return _verdict("order", node, wrong, text)
    return None


def _wrong_walks(nodes, edges):
    """Sequences of nodes in which people let the rules run: inputs first, root first, level by level, once per use."""
    parents = [[edge["parent"] for edge in edges if edge["user"] == node["id"]] for node in nodes]
    root = nodes[-1]["id"]
    yield iter(range(len(nodes)))
    yield _root_first(root, parents, once=True)
    yield _level_by_level(root, parents)
    yield _root_first(root, parents, once=False)
    yield _once_per_use(parents)


def _root_first(root, parents, once):
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if once and node in seen:
            continue
        seen.add(node)
        yield node
        stack += reversed(parents[node])


def _level_by_level(root, parents):
    queue, seen = [root], {root}
    for node in queue:
        yield node
        queue += [parent for parent in dict.fromkeys(parents[node]) if parent not in seen]
        seen.update(parents[node])


def _once_per_use(parents):
    """Reverse topological, but a value stands in the list as often as there are paths to it."""
    lists = []
    for above in parents:
        lists.append([node for parent in above for node in lists[parent]] + [len(lists)])
        if len(lists[-1]) > LONGEST_WALK:
            return iter(range(LONGEST_WALK + 1))
    return reversed(lists[-1])


def _played(sequence, nodes, edges):
    """(gradients, what went along each edge) if the rules run in this sequence."""
    grads, passed = [0.0] * len(nodes), dict.fromkeys((edge["id"] for edge in edges), 0.0)
    of_user = [[edge for edge in edges if edge["user"] == node["id"]] for node in nodes]
    grads[-1] = 1.0
    for node in sequence:
        for edge in of_user[node]:
            share = grads[node] * edge["local"]
            passed[edge["id"]] += share
            grads[edge["parent"]] += share
    return grads, passed


# Mistakes of the sum --------------------------------------------------------------------------------------------------


def _share_verdict(node, arriving, shares, grads):
    """The verdict from the shares of one value, each of them right."""
    got, told = grads[node["id"]], _told(node, shares)
    if got == 0:
        user = "its user" if len(arriving) == 1 else "its users"
        return _verdict("lost", node, arriving, f"{told} Nothing arrived: see what {user} should pass on.")
    for kept in range(1, len(shares) if len(shares) <= MOST_USES else 2):
        for some in itertools.combinations(range(len(shares)), kept):
            if close(got, _sum([shares[place] for place in some])):
                lost = [edge for place, edge in enumerate(arriving) if place not in some]
                text = (f"{told} {node['name']} is used {len(shares)} times, and only {kept} of the uses counted. "
                        "Add to a gradient (+=) instead of setting it (=), once for each use.")  # fmt: skip
                return _verdict("lost", node, lost, text)
    times = got / _sum(shares) if _sum(shares) else 0.0
    if times > 1.5 and close(times, round(times)):
        text = f"{told} That is {round(times)} times as much: a rule ran again, or an old gradient was still there."
        return _verdict("repeated", node, arriving, text)
    return _verdict("sum", node, arriving, f"{told} Each rule alone is right, so look at how backward walks and adds.")
