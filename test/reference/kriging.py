# SPDX-License-Identifier: MIT
"""Three processes of lib/downtime/kriging.h over the same sites, by numpy's own
linear algebra: test/reference/kriging.txt, which test/unit/downtime.c reads.

    python3 test/reference/kriging.py >test/reference/kriging.txt

Needs numpy.  Values come from a congruential generator that the test has as
well, so the file has only what comes out: of each process each site's value
without it, by learning from the others (its noise is part of what the
others' mean and variance are of all), then the values at two new sites; and
of the second process the deviation without each site and at the new ones.
"""
import numpy as np

WORKS, SIZES, WORDS = 3, 4, 2
OPTS = ((0.1, 2.0, 0.7, 0.02, 0.05), (0.3, 4.0, 1.5, 0.1, 0.2),
        (0.3, 4.0, 1.5, 0.1, 1.0))      # workload, words, octaves, slope, noise


def draw(n, state=7):
    v = []
    for _ in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        v.append((state >> 8) / 2**23 - 1)
    return np.array(v)


def covariance(o, a, b):
    kw = np.where(a[:, None, 0] == b[None, :, 0], 1.0, o[0])
    ka = np.exp(-np.abs(a[:, None, 2] - b[None, :, 2]) / o[1])
    kr = np.exp(-0.5 * ((a[:, None, 1] - b[None, :, 1]) / o[2]) ** 2)
    t = (a[:, None, 1] - 31.5) * (b[None, :, 1] - 31.5)
    return kw * ka * (kr + o[3] * t) + 0.3 * (kw + ka)


def main():
    site = np.array([(w, 30.0 + z, k) for w in range(WORKS)
                     for z in range(SIZES) for k in range(WORDS)])
    new = np.array([(1, 31.5, 1), (-2, 33.0, 0)])
    n = len(site)
    v = draw(3 * n).reshape(n, 3)
    weight = 1.0 + np.arange(n) % 5
    print(f"# numpy {np.__version__}, by kriging.py")
    for j, o in enumerate(OPTS):
        mean, variance = np.median(v[:, j]), v[:, j].var() / 1.6
        k = variance * covariance(o, site, site)
        noise = variance * o[4] * (1.0 / weight + 0.1)
        k += np.diag(noise + 1e-9 * variance)
        for i in range(n):
            rest = np.arange(n) != i
            b = np.linalg.solve(k[np.ix_(rest, rest)], k[rest, i])
            print(f"{mean + b @ (v[rest, j] - mean):.12g}")
            if j == 1:
                print(f"{np.sqrt(k[i, i] - k[i, rest] @ b - noise[i]):.12g}")
        c = variance * covariance(o, new, site)
        at = mean + c @ np.linalg.solve(k, v[:, j] - mean)
        own = variance * np.array([
            1.0 + o[3] * (s - 31.5) ** 2 + 0.6 for s in new[:, 1]])
        sd = np.sqrt(own - np.sum(c * np.linalg.solve(k, c.T).T, 1))
        for i in range(len(new)):
            print(f"{at[i]:.12g}")
            if j == 1:
                print(f"{sd[i]:.12g}")


main()
