"""Answers to the exercises of chapter 6."""

import numpy as np
import torch
import torch.nn.functional as F


def one_cycle(N, T):
    return N == 1


def by_the_schedule(N, T):
    """Follow the states that the last worker and the last controller step read back to a pale step, if there is one."""
    steps = ("L" * T + "H") * N
    pale, tracked = steps[:-2], steps[-2:]
    open_ = [part for part in "LH" if part not in pale]
    return torch.tensor(bool(open_) and tracked == "LH" and not ({"L", "H"} <= set(pale)) and "H" in open_)


def never(N, T):
    return False


def always(N, T):
    return np.True_


def shortest(N, T):
    return N == 1 and T == 1


def one_step_cycles(N, T):
    return T == 1


def either(N, T):
    return N == 1 or T == 1


def _loss(net, z, answer):
    return F.cross_entropy(net.read_out(*z).logits.flatten(0, 1), answer.flatten())


def _row(net):
    return torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])


def piece_by_piece(net, question, answer, segments):
    net.zero_grad()
    z = net.initial_latents(len(question))
    for _ in range(segments):
        z = net.run_segment(z.detach(), net.input_net(question))
        _loss(net, z, answer).backward()
    return _row(net)


def by_autograd(net, question, answer, segments):
    z, total = net.initial_latents(len(question)), 0
    reached = [p for name, p in net.named_parameters() if not name.startswith("q_head")]
    for _ in range(segments):
        out = net(z, question)
        grads = torch.autograd.grad(F.cross_entropy(out.logits.transpose(1, 2), answer), reached)
        total, z = total + torch.cat([g.flatten() for g in grads]), out.latents
    return total.numpy()


def at_once(net, question, answer, segments):
    net.zero_grad()
    z, total = net.initial_latents(len(question)), 0.0
    for _ in range(segments):
        z = net.run_segment(z.detach(), net.input_net(question))
        total = total + _loss(net, z, answer)
    total.backward()
    return _row(net)


def mean_of_losses(*given):
    return piece_by_piece(*given) / given[-1]


def last_alone(net, question, answer, segments):
    z = net.initial_latents(len(question))
    for _ in range(segments):
        net.zero_grad()
        z = net.run_segment(z.detach(), net.input_net(question))
        _loss(net, z, answer).backward()
    return _row(net)


def from_the_start(net, question, answer, segments):
    net.zero_grad()
    for _ in range(segments):
        _loss(net, net.run_segment(net.initial_latents(len(question)), net.input_net(question)), answer).backward()
    return _row(net)


def without_detach(net, question, answer, segments):
    z = net.initial_latents(len(question))
    for _ in range(segments):
        z = net.run_segment(z, net.input_net(question))
        _loss(net, z, answer).backward()
    return _row(net)


def not_emptied(net, question, answer, segments):
    z = net.initial_latents(len(question))
    for _ in range(segments):
        z = net.run_segment(z.detach(), net.input_net(question))
        _loss(net, z, answer).backward()
    return _row(net)


def updated_too(net, *given):
    found = piece_by_piece(net, *given)
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    return found


def after_four(net, optimizer, question, answer, move, carry):
    z = net.initial_latents(len(question))
    for _ in range(4):
        out = net(z if carry else net.initial_latents(len(question)), question)
        loss, z = F.cross_entropy(out.logits.flatten(0, 1), answer.flatten()), out.latents
        optimizer.zero_grad()
        loss.backward()
        if move:
            optimizer.step()
    return loss


def after_four_without_waste(net, optimizer, question, answer, move, carry):
    start = z = net.initial_latents(len(question))
    for m in range(1, 5):
        with torch.set_grad_enabled(move and m < 4):
            z = net.run_segment(z if carry else start, net.input_net(question))
            loss = F.cross_entropy(net.read_out(*z).logits.transpose(1, 2), answer)
        if move and m < 4:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            z = z.detach()
    return loss.item()


def always_moves(net, optimizer, question, answer, move, carry):
    return after_four(net, optimizer, question, answer, True, carry)


def always_carries(net, optimizer, question, answer, move, carry):
    return after_four(net, optimizer, question, answer, move, True)


def never_emptied(net, optimizer, question, answer, move, carry):
    z = net.initial_latents(len(question))
    for _ in range(4):
        out = net(z if carry else net.initial_latents(len(question)), question)
        loss, z = F.cross_entropy(out.logits.flatten(0, 1), answer.flatten()), out.latents
        loss.backward()
        if move:
            optimizer.step()
    return loss.item()


def after_one(net, optimizer, question, answer, move, carry):
    out = net(net.initial_latents(len(question)), question)
    return F.cross_entropy(out.logits.transpose(1, 2), answer)


def mean_of_four(net, optimizer, question, answer, move, carry):
    z, losses = net.initial_latents(len(question)), []
    for _ in range(4):
        out = net(z if carry else net.initial_latents(len(question)), question)
        loss, z = F.cross_entropy(out.logits.flatten(0, 1), answer.flatten()), out.latents
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        if move:
            optimizer.step()
    return np.mean(losses)


RIGHT = {
    "6.1": [one_cycle, by_the_schedule],
    "6.2": [6.4 / 7.6, 0.84, torch.tensor([0.842])],
    "6.3": [piece_by_piece, by_autograd],
    "6.4": [after_four, after_four_without_waste],
}
WRONG = {
    "6.1": [(never, "a pale H always stand before"), (always, "no bit of them differed"), (shortest, "follow z_L"),
            (one_step_cycles, "LHLH"), (either, "N = 2 and T = 1, LH 2 times")],
    "6.2": [(0.4, "share of the puzzles that come in"), (0.158, "an easy puzzle"), (8 / 9, "as many hard puzzles"),
            (84.2, "not per cent"), (0.5, "of 100 puzzles that come in")],
    "6.3": [(at_once, "times as much as for two"), (mean_of_losses, "mean of the losses"), (last_alone, "last loss"),
            (from_the_start, "starts from z⁰"), (without_detach, "a second time"),
            (not_emptied, "earlier backward pass"), (updated_too, "have moved")],
    "6.4": [(always_moves, "should stand still"), (always_carries, "should start from z⁰"),
            (never_emptied, "set to zero"), (after_one, "after segment 1"), (mean_of_four, "all four losses")],
}  # fmt: skip
