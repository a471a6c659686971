"""Answers to the exercises of the appendix on the recipe."""

import torch
import torch.nn.functional as F


def step(w, m, v, g, t, rate, decay):
    m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
    angle = torch.atan2(m, (v / (1 - 0.95**t)).sqrt()) / (1 - 0.9**t)
    return w * (1 - rate * decay) - rate * angle, m, v


def step_with_arctan(w, m, v, g, t, rate, decay):
    m, v = torch.lerp(m, g, 0.1), torch.lerp(v, g.square(), 0.05)
    r = m / (v / (1 - 0.95**t)).sqrt()
    return [w - rate * decay * w - rate * r.arctan() / (1 - 0.9**t), m, v]


def uphill(w, m, v, g, t, rate, decay):
    new, m, v = step(w, m, v, g, t, rate, decay)
    return 2 * w * (1 - rate * decay) - new, m, v


def exchanged(w, m, v, g, t, rate, decay):
    m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
    angle = (torch.atan2((v / (1 - 0.95**t)).sqrt(), m.abs() / (1 - 0.9**t))) * m.sign()
    true = torch.atan2(m, (v / (1 - 0.95**t)).sqrt()) / (1 - 0.9**t)
    return w * (1 - rate * decay) - rate * torch.sign(angle) * (torch.pi / 2 - true.abs()), m, v


def uncorrected(w, m, v, g, t, rate, decay):
    m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
    return w * (1 - rate * decay) - rate * torch.atan2(m, v.sqrt()), m, v


def decay_in_gradient(w, m, v, g, t, rate, decay):
    return step(w, m, v, g + decay * w, t, rate, 0.0)


def only_w(w, m, v, g, t, rate, decay):
    return step(w, m, v, g, t, rate, decay)[0]


def loss(scores, labels):
    s = torch.where(scores < 0, 1 / (1 - scores.clamp(max=0)), scores + 1)
    return s.sum(1).log() - s.gather(1, labels[:, None])[:, 0].log()


def loss_by_loops(scores, labels):
    found = []
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        s = [x + 1 if x >= 0 else 1 / (1 - x) for x in row]
        found.append(-torch.tensor(s[label] / sum(s)).log().item())
    return found


def softmax(scores, labels):
    return F.cross_entropy(scores, labels, reduction="none")


def probability(scores, labels):
    return (-loss(scores, labels)).exp()


def logarithm(scores, labels):
    return -loss(scores, labels)


def one_branch(scores, labels):
    s = scores.abs() + 1
    return -(s / s.sum(1, keepdim=True)).gather(1, labels[:, None])[:, 0].log()


R = 0.1 / (0.05 * (1 - 0.81 / 0.95)) ** 0.5
RIGHT = {"A.1": [R, 1.165], "A.2": [step, step_with_arctan], "A.3": [loss, loss_by_loops]}
WRONG = {
    "A.1": [(1.0, "never changes has r = 1"), (torch.tensor(R).atan(), "hat is the angle"), (R**2, "hat is r²"),
            (7.27, "β₂ = 0.999"), (1.1, "let them grow"), (1.4, "cannot be reached")],
    "A.2": [(uphill, "goes uphill"), (exchanged, "arguments of atan2"), (uncorrected, "first update is off"),
            (decay_in_gradient, "ith decay the weight is off"), (only_w, "three things")],
    "A.3": [(softmax, "hat is softmax"), (probability, "probability of the label"), (logarithm, "he sign"),
            (one_branch, "both branches")],
}  # fmt: skip
