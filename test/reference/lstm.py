# SPDX-License-Identifier: MIT
"""The network of lib/learn/lstm.h by PyTorch: test/reference/lstm.txt, which
test/unit/lstm_net.h reads.

    python3 test/reference/lstm.py >test/reference/lstm.txt

Needs torch (made with the version in the file's first line; the CPU is
enough).  Weights and inputs come from a congruential generator that the test
has as well, so the file has only what comes out, in double precision: the
loss, the quantiles of the first leads of two series, and the gradient by all
weights.
"""
import torch

T, I, H, S, F, M = 5, 3, 4, 2, 3, 5
CHUNK, LEADS, LEVELS = 48, 32, 9


class Draw:
    """Numerical Recipes' generator, in [-1, 1)."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, *shape):
        n = 1
        for k in shape:
            n *= k
        v = []
        for _ in range(n):
            self.state = (self.state * 1664525 + 1013904223) % 2**32
            v.append((self.state >> 8) / 2**23 - 1)
        return torch.tensor(v, dtype=torch.float64).reshape(shape)


def main():
    draw = Draw(1)
    sizes = [(I, 4, H), (H, 4, H), (4, H), (H, M), (S, M), (F, M), (M,),
             (M, M), (M,), (M, LEVELS), (F, LEVELS), (LEVELS,)]
    w = [draw(*s).requires_grad_() for s in sizes]
    x = draw(T, CHUNK, I)
    s = draw(CHUNK, S)
    z = draw(CHUNK, LEADS, F)
    y = 2 * draw(CHUNK, LEADS)
    weight = torch.clamp(draw(CHUNK, LEADS), min=0)
    loc = draw(CHUNK)
    spread = 0.5 + 0.25 * draw(CHUNK)
    gain = torch.clamp(draw(CHUNK), min=0)

    lstm = torch.nn.LSTM(I, H).double()
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    own = [w[0].reshape(I, 4 * H).t(), w[1].reshape(H, 4 * H).t(),
           w[2].reshape(4 * H), torch.zeros(4 * H, dtype=torch.float64)]
    _, (state, _) = torch.func.functional_call(
        lstm, dict(zip(names, own)), (x,))
    top = state[0] @ w[3] + s @ w[4]
    a = torch.relu(top[:, None, :] + z @ w[5] + w[6])
    b = torch.relu(a @ w[7] + w[8])
    o = b @ w[9] + z @ w[10] + w[11]
    step = torch.nn.functional.softplus(o)
    mid = o[..., 4:5]
    up = mid + torch.cumsum(step[..., 5:], -1)
    down = mid - torch.cumsum(step[..., :4].flip(-1), -1).flip(-1)
    q = torch.cat([down, mid, up], -1)

    level = torch.arange(1, 10, dtype=torch.float64) / 10

    def pinball(v, y):
        return torch.where(y >= v, level * (y - v), (1 - level) * (v - y))

    def value(u):
        return torch.sinh(loc[:, None, None] + spread[:, None, None] * u)
    cell = pinball(q, y[..., None]) + gain[:, None, None] * pinball(
        value(q), value(y[..., None]))
    loss = (weight * cell.mean(-1)).sum()
    loss.backward()

    print(f"# torch {torch.__version__.split('+')[0]}, by lstm.py; the loss, "
          "the weights' sum, q[c][l][9] of c = 0, 47 and l = 0, 1, 2, the "
          f"gradient by {sum(v.numel() for v in w)} weights")
    out = [loss, weight.sum(), *q[[0, 47]][:, :3].reshape(-1)]
    for v in w:
        out += list(v.grad.reshape(-1))
    for v in out:
        print(f"{v.item():.12g}")


main()
