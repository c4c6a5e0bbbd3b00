"""The best plan there is, by SciPy's milp (HiGHS): the most VMs placed, then
the least cost.  plan_best.py FOLDER [SECONDS] of a problem of plan_gen.py, in
which no host is over its limit before the moves."""
import sys

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/judges")
from plan_check import Problem  # noqa: E402


class Model:
    def __init__(self, q):
        self.q, self.rows = q, []
        self.var, self.cost = [], []          # (vm, start, target)
        self.of = {}
        for i in range(q.n):
            if not q.planned[i]:
                continue
            for s in q.starts():
                if not q.may_start(i, s):
                    continue
                x = q.window(q.by[i], s)
                for t in q.targets(i):
                    self.of.setdefault(i, []).append(len(self.var))
                    self.var.append((i, s, t))
                    self.cost.append(x)
        self.cost = np.array(self.cost)
        for v in self.of.values():
            self.at_most(dict.fromkeys(v, 1.0), 1)
        self.counts()
        if q.p.get("max-host-load"):
            self.loads()
        if q.ram:
            self.memory()
        self.groups()

    def at_most(self, row, most):
        if sum(max(0.0, v) for v in row.values()) > most:
            self.rows.append((row, most))

    def counts(self):
        q = self.q
        slots = list(range(int(q.t0), int(q.end), q.slot))
        for name, keys in (
                ("per-host", lambda i, t: {q.host[i]}),
                ("per-target", lambda i, t: {t}),
                ("per-cluster", lambda i, t: {q.cluster[i], q.of.get(
                    t, q.cluster[i])}),
                ("total", lambda i, t: {"all"})):
            most = q.p.get(name)
            if most is None:
                continue
            by = {}
            for k, (i, s, t) in enumerate(self.var):
                for key in keys(i, t):
                    if key is not None:
                        by.setdefault(key, []).append((k, s))
            for v in by.values():
                for u in slots:
                    self.at_most({k: 1.0 for k, s in v
                                  if s <= u < s + q.L}, most)

    def loads(self):
        q = self.q
        for h, cpus in q.cpus.items():
            base = sum((q.held[i] * q.vcpus[i] for i in range(q.n)
                        if q.host[i] == h), np.zeros(q.mean.shape[1]))
            room = q.p["max-host-load"] * cpus
            assert (base <= room).all(), "a host is over its limit before"
            for e in range(base.size):
                begin, row = q.t0 + e * q.step, {}
                for k, (i, s, t) in enumerate(self.var):
                    x = q.held[i][e] * q.vcpus[i]
                    if t == h and begin + q.step > s:
                        row[k] = x
                    elif q.host[i] == h and t is not None and \
                            begin >= s + q.L:
                        row[k] = -x
                self.at_most(row, room - base[e])

    def memory(self):
        q = self.q
        for h, room in q.ram.items():
            base = sum(q.mem[i] for i in range(q.n) if q.host[i] == h)
            assert base <= room, "a host is over its memory before"
            for at in q.starts():
                row = {}
                for k, (i, s, t) in enumerate(self.var):
                    if t == h and s <= at:
                        row[k] = float(q.mem[i])
                    elif q.host[i] == h and t is not None and s + q.L <= at:
                        row[k] = -float(q.mem[i])
                self.at_most(row, room - base)

    def groups(self):
        q = self.q
        for g in set(q.group) - {None}:
            members = [i for i in range(q.n) if q.group[i] == g]
            for a in members:
                for b in members:
                    if a == b:
                        continue
                    to = {}
                    for k in self.of.get(a, []):
                        to.setdefault(self.var[k][2], []).append(k)
                    for h, mine in to.items():
                        if h is None:
                            continue
                        other = [k for k in self.of.get(b, [])
                                 if self.var[k][2] == h]
                        if a < b:
                            self.at_most(dict.fromkeys(mine + other, 1.0), 1)
                        if q.host[b] != h:
                            continue
                        for k in mine:       # b has left before
                            gone = [j for j in self.of.get(b, [])
                                    if self.var[j][2] is not None and
                                    self.var[j][1] + q.L <= self.var[k][1]]
                            self.at_most({k: 1.0, **dict.fromkeys(
                                gone, -1.0)}, 0)

    def solve(self, seconds=60, gap=1e-6, placed=0):
        """(most, n, cost, bound): no plan places more than most VMs; of n, as
        many as the solver or the plan at hand placed, the least cost that it
        found (NaN if none) is at least the bound.  Each of its two searches
        ends after so many seconds, the second within gap of its bound."""
        n = len(self.var)
        if n == 0:
            return 0, 0, 0.0, 0.0
        con = []
        if self.rows:
            r, c, v, up = [], [], [], []
            for k, (row, most) in enumerate(self.rows):
                r += [k] * len(row)
                c += row.keys()
                v += row.values()
                up.append(most)
            con.append(LinearConstraint(sparse.csr_array(
                (v, (r, c)), shape=(len(up), n)), -np.inf, up))
        how = dict(integrality=np.ones(n), bounds=Bounds(0, 1))
        a = milp(-np.ones(n), constraints=con, **how,
                 options={"time_limit": seconds})
        most = len(self.of)
        if a.mip_dual_bound is not None and np.isfinite(a.mip_dual_bound):
            most = min(most, int(np.floor(1e-6 - a.mip_dual_bound)))
        if a.x is not None:
            placed = max(placed, round(-a.fun))
        b = milp(self.cost, constraints=con + [LinearConstraint(
            np.ones((1, n)), placed, n)], **how,
            options={"time_limit": seconds, "mip_rel_gap": gap})
        return (most, placed, np.nan if b.x is None else b.fun,
                b.mip_dual_bound or 0.0)


if __name__ == "__main__":
    print(*Model(Problem(sys.argv[1])).solve(
        float(sys.argv[2]) if len(sys.argv) > 2 else 60))
