#!/usr/bin/env python3
"""Mean square displacements and diffusion coefficients of a trajectory."""
import argparse
import json
import sys

import numpy as np

CM2_S = 1e-4  # one square angstrom per picosecond


def complete(frame):
    return frame is not None and len(frame[2]) == frame[1]


def read(path):
    """Header and the valid frames: [(step, {id: (species, x, y, z)})]."""
    box, timestep, masses = None, None, {}
    frames, current = [], None

    def finish():
        if not complete(current):
            return
        while frames and frames[-1][0] >= current[0]:
            frames.pop()
        frames.append((current[0], current[2]))

    with open(path) as f:
        for line in f:
            if not line.endswith("\n"):
                break  # the file was cut here; this line may be cut, too
            w = line.split("#", 1)[0].split()
            if not w:
                continue
            if w[0] == "frame":
                finish()
                current = (int(w[1]), int(w[2]), []) if len(w) == 3 else None
            elif current is not None:
                if len(w) == 5:
                    current[2].append(w)
            elif w[0] == "box":
                box = np.array([float(x) for x in w[1:4]])
            elif w[0] == "timestep":
                timestep = float(w[1])
            elif w[0] == "mass":
                masses[w[1]] = float(w[2])
    finish()
    return box, timestep, masses, frames


def arrange(frames):
    """ids' species in fixed order, and positions [frame, particle, axis]."""
    order = sorted((int(w[0]), w[1]) for w in frames[0][1])
    place = {i: n for n, (i, _) in enumerate(order)}
    pos = np.empty((len(frames), len(order), 3))
    for t, (_, rows) in enumerate(frames):
        index = [place[int(w[0])] for w in rows]
        pos[t, index] = np.array([w[2:] for w in rows], dtype=float)
    return np.array([s for _, s in order]), pos


def unwrap(pos, box):
    step = np.diff(pos, axis=0)
    step -= box * np.round(step / box)
    out = np.empty_like(pos)
    out[0] = pos[0]
    out[1:] = pos[0] + np.cumsum(step, axis=0)
    return out


def analyse(pos, max_lag, fit, interval):
    axis = np.zeros((max_lag + 1, 3))
    alpha2 = np.zeros(max_lag + 1)
    for k in range(1, max_lag + 1):
        square = (pos[k:] - pos[:-k]) ** 2
        axis[k] = square.mean(axis=(0, 1))
        r2 = square.sum(axis=2)
        alpha2[k] = 3 * (r2 ** 2).mean() / (5 * r2.mean() ** 2) - 1
    lags = np.arange(fit[0], fit[1] + 1)
    t = lags * interval
    t = t - t.mean()
    slopes = (t[:, None] * axis[lags]).sum(axis=0) / (t ** 2).sum()
    return {"count": pos.shape[1], "msd": axis.sum(axis=1).tolist(), "alpha2": alpha2.tolist(),
            "D_cm2_s": slopes.sum() / 6 * CM2_S, "D_axis_cm2_s": (slopes / 2 * CM2_S).tolist()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("trajectory")
    p.add_argument("--max-lag", type=int, required=True)
    p.add_argument("--fit", type=int, nargs=2, required=True)
    a = p.parse_args()
    box, timestep, masses, frames = read(a.trajectory)
    if not 0 <= a.fit[0] < a.fit[1] <= a.max_lag or a.max_lag >= len(frames):
        print(f"msd: lags do not fit {len(frames)} frames", file=sys.stderr)
        return 2
    species, pos = arrange(frames)
    interval = (frames[1][0] - frames[0][0]) * timestep
    pos = unwrap(pos, box)
    mass = np.array([masses[s] for s in species])
    pos -= np.einsum("n,tnx->tx", mass / mass.sum(), pos)[:, None, :]
    result = {"frames": len(frames), "interval_ps": interval, "species": {}}
    for s in sorted(set(species)):
        result["species"][s] = analyse(pos[:, species == s], a.max_lag, a.fit, interval)
    json.dump(result, sys.stdout)
    print()
    return 0


sys.exit(main())
