"""Answers to the exercises of chapter 5."""

import numpy as np
import torch


def share(w, k):
    return 1 - w**k


def share_of_sums(w, k):
    return sum(w**i for i in range(k)) * (1 - w)


def share_by_autograd(w, k):
    slope = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    found = []
    for back in (k, 500):
        z = torch.tensor(1 / (1 - w), dtype=torch.float64)
        for _ in range(back):
            z = slope * z + 1
        found.append(torch.autograd.grad(z, slope)[0])
    return found[0] / found[1]


def missing(w, k):
    return w**k


def one_step(w, k):
    return 1 - w


def one_too_many(w, k):
    return 1 - w ** (k + 1)


def without_sign(w, k):
    return 1 - abs(w) ** k


def not_divided(w, k):
    return sum(w**i for i in range(k))


def short_by_a_tenth(w, k):
    return 0.9 * (1 - w**k)


def neumann(step, z, v, k):
    z = z.detach().requires_grad_()
    out, term, total = step(z), v, v.clone()
    for _ in range(k - 1):
        (term,) = torch.autograd.grad(out, z, term, retain_graph=True)
        total = total + term
    return total


def neumann_by_iteration(step, z, v, k):
    back, u = torch.func.vjp(step, z)[1], torch.zeros_like(v)
    for _ in range(k):
        u = v + back(u)[0]
    return u.numpy()


def forwards(step, z, v, k):
    term, total = v, v.clone()
    for _ in range(k - 1):
        term = torch.func.jvp(step, (z,), (term,))[1]
        total = total + term
    return total


def without_the_first(step, z, v, k):
    return neumann(step, z, v, k + 1) - v


def a_term_too_many(step, z, v, k):
    return neumann(step, z, v, k + 1)


def last_term(step, z, v, k):
    return neumann(step, z, v, k) - (neumann(step, z, v, k - 1) if k > 1 else 0)


def all_of_it(step, z, v, k):
    return neumann(step, z, v, 500)


def walked_on(step, z, v, k):
    return neumann(step, step(step(z)), v, k)


def estimate(terms, go_on, draw):
    total, chance = terms[0].clone(), 1.0
    for term in terms[1:]:
        if torch.rand((), generator=draw) >= go_on:
            break
        chance *= go_on
        total += term / chance
    return total


def estimate_at_once(terms, go_on, draw):
    alive = torch.cat((torch.ones(1), (torch.rand(len(terms) - 1, generator=draw) < go_on).float().cumprod(0)))
    weights = alive.double() / go_on ** torch.arange(len(terms), dtype=torch.float64)
    return (weights @ terms).numpy()


def unweighted(terms, go_on, draw):
    kept = 1
    while kept < len(terms) and torch.rand((), generator=draw) < go_on:
        kept += 1
    return terms[:kept].sum(0)


def first_weighted_too(terms, go_on, draw):
    return estimate(terms, go_on, draw) / go_on


def one_power(terms, go_on, draw):
    return terms[0] + (unweighted(terms, go_on, draw) - terms[0]) / go_on


def everything(terms, go_on, draw):
    return terms.sum(0)


def first_always(terms, go_on, draw):
    return terms[0]


def each_by_itself(terms, go_on, draw):
    kept = torch.rand(len(terms), generator=draw) < go_on
    kept[0] = True
    weights = torch.where(kept, 1 / go_on, 0.0).double()
    weights[0] = 1
    return weights @ terms if kept[1] else terms[0] + (weights @ terms - terms[0])


def doubled(terms, go_on, draw):
    return 2 * estimate(terms, go_on, draw)


UP = ([[0.0, -2.0], [0.0, 0.0]], [1.0, 1.0], [1.0, 0.0])

RIGHT = {
    "5.1": [share, share_of_sums, share_by_autograd],
    "5.2": [neumann, neumann_by_iteration],
    "5.3": [
        UP,
        (torch.tensor([[3.0, 9.0], [-1.0, -3.0]]), np.array([1, 0]), torch.tensor([-1.0, -9.0])),
        [[[0, 0], [5, 0]], [1, -1], [0, 1]],
    ],
    "5.4": [estimate, estimate_at_once],
}

WRONG = {
    "5.1": [
        (missing, "what is missing"),
        (one_step, "k steps are asked for"),
        (one_too_many, "one term too many"),
        (without_sign, "right for positive w"),
        (not_divided, "Divide it by the sum"),
        (short_by_a_tenth, "autograd finds"),
    ],
    "5.2": [
        (forwards, "powers of J"),
        (without_the_first, "gone through no step"),
        (a_term_too_many, "one term too many"),
        (last_term, "the last term alone"),
        (all_of_it, "the whole series"),
        (walked_on, "off by"),
    ],
    "5.3": [
        (([[0.0, -2.0], [0.5, 0.0]], [1.0, 1.0], [1.0, 0.0]), "spectral radius of A is 1"),
        (([[0.0, 2.0], [0.0, 0.0]], [1.0, 1.0], [1.0, 0.0]), "the two have one sign"),
        (([[0.0, -2.0], [0.0, 0.0]], [0.0, 1.0], [1.0, 0.0]), "one-step gradient is 0"),
        (([[0.0, -1.0], [0.0, 0.0]], [1.0, 1.0], [1.0, 0.0]), "all steps 0"),
        (([[0.0, 0.0], [0.0, 0.0]], [1.0, 1.0], [1.0, 0.0]), "A = 0"),
        (([[0.0, -2.0], [0.0, 0.0]], [1.0, 1.0]), "three things"),
        (([[0.0, -2.0, 1.0]], [1.0, 1.0], [1.0, 0.0]), "should have 2 × 2"),
    ],
    "5.4": [
        (unweighted, "too short"),
        (first_weighted_too, "by the same factor"),
        (one_power, "its chance is a power"),
        (everything, "all of it, each time"),
        (first_always, "the same each time"),
        (each_by_itself, "the first term alone in"),
        (doubled, "more than chance allows"),
    ],
}
