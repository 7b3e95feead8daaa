"""/app/msd on trajectories made here. They are made unwrapped, in whole units of
1e-4 angstrom, so the reference needs no unwrapping at all."""
import json
import subprocess

import numpy as np
import pytest

UNIT = 1e-4


class Maker:
    def __init__(self, seed, counts, frames, box, every=50, timestep=0.002, spread=0.35, drift=(0.0, 0.0, 0.0)):
        """counts: species -> (how many, mass, size of steps)."""
        self.rng = rng = np.random.default_rng(seed)
        self.box = np.round(np.array(box) / UNIT).astype(np.int64)
        self.every, self.timestep, self.first = every, timestep, int(rng.integers(0, 40)) * every
        names, sizes, self.masses = [], [], {}
        for s, (n, mass, size) in counts.items():
            names += [s] * n
            sizes += [size] * n
            self.masses[s] = mass
        self.species = np.array(names)
        n = len(names)
        self.ids = rng.choice(np.arange(1, 20 * n), n, replace=False)
        steps = rng.standard_t(5, (frames - 1, n, 3)) * spread * np.array(sizes)[None, :, None] * np.array([1.0, 0.8, 1.25])
        steps += np.array(drift)
        limit = np.array(box) * 0.49
        steps = np.clip(steps, -limit, limit)
        start = rng.random((1, n, 3)) * np.array(box)
        self.pos = np.round(np.concatenate([start, start + np.cumsum(steps, axis=0)]) / UNIT).astype(np.int64)
        # rounding of start and end may not bring a step over half a box
        assert (np.abs(np.diff(self.pos, axis=0)) * 2 < self.box).all()
        self.noise = False

    def header(self):
        out = ["# made for a check", "box " + " ".join(f"{x * UNIT:.4f}" for x in self.box), f"timestep {self.timestep}"]
        out += [f"mass {s} {m}" for s, m in self.masses.items()]
        return out

    def block(self, t, junk=False, images=True, cut=None):
        """The lines of frame t; junk: other positions; cut: only so many particles."""
        rng = self.rng
        pos = self.pos[min(t, len(self.pos) - 1)]
        if junk:
            pos = pos + rng.integers(-40000, 40000, pos.shape)
        pos = pos % self.box
        if images:
            pos = pos + rng.integers(-1, 2, pos.shape) * self.box
        lines = [f"frame {self.first + t * self.every} {len(self.ids)}"]
        for i in rng.permutation(len(self.ids))[:cut]:
            x = pos[i]
            lines.append(f"{self.ids[i]} {self.species[i]} {x[0] * UNIT:.4f} {x[1] * UNIT:.4f} {x[2] * UNIT:.4f}")
            if self.noise and rng.random() < 0.05:
                lines.append(rng.choice(["", "   ", "# remark", "  # frame 3 4"]))
        return lines

    def write(self, path, blocks, end="\n"):
        path.write_text("\n".join(self.header() + [x for b in blocks for x in b]) + end)
        return path

    def expected(self, max_lag, fit, frames=None):
        pos = self.pos[:frames] * UNIT
        mass = np.array([self.masses[s] for s in self.species])
        pos = pos - (pos * mass[None, :, None]).sum(axis=1, keepdims=True) / mass.sum()
        out = {}
        for s in self.masses:
            p = pos[:, self.species == s]
            msd, axis, alpha = [0.0], [np.zeros(3)], [0.0]
            for k in range(1, max_lag + 1):
                d = p[k:] - p[:-k]
                r2 = np.einsum("tnx,tnx->tn", d, d)
                msd.append(r2.mean())
                axis.append((d * d).mean(axis=(0, 1)))
                alpha.append(3 * (r2 * r2).mean() / (5 * r2.mean() ** 2) - 1)
            lag = np.arange(fit[0], fit[1] + 1)
            tau = lag * self.every * self.timestep
            slope = np.polyfit(tau, np.array(msd)[lag], 1)[0]
            slopes = np.polyfit(tau, np.array(axis)[lag], 1)[0]
            out[s] = {"count": p.shape[1], "msd": msd, "alpha2": alpha, "D_cm2_s": slope / 6e4, "D_axis_cm2_s": slopes / 2e4}
        return out


def run(path, max_lag, fit, timeout=60):
    return subprocess.run(["/app/msd", str(path), "--max-lag", str(max_lag), "--fit", str(fit[0]), str(fit[1])],
                          capture_output=True, text=True, timeout=timeout)


def check(maker, path, max_lag, fit, frames=None, keys=("msd", "alpha2", "D_cm2_s", "D_axis_cm2_s")):
    p = run(path, max_lag, fit)
    assert p.returncode == 0, p.stderr
    got, want = json.loads(p.stdout), maker.expected(max_lag, fit, frames)
    assert got["frames"] == (frames or len(maker.pos))
    assert got["interval_ps"] == pytest.approx(maker.every * maker.timestep, rel=1e-9)
    assert set(got["species"]) == set(want)
    for s, w in want.items():
        g = got["species"][s]
        assert set(g) == set(w)
        assert g["count"] == w["count"]
        for k in keys:
            assert g[k] == pytest.approx(np.asarray(w[k]).tolist(), rel=1e-6, abs=1e-12 if k.startswith("D_") else 1e-9), (s, k)


SALT = {"Na+": (9, 22.99, 1.3), "Cl-": (9, 35.45, 1.0), "H2O": (14, 18.015, 2.0)}


def test_plain(tmp_path):
    m = Maker(11, {"Ar": (12, 39.948, 1.0)}, 60, (14.2, 13.0, 15.5))
    path = m.write(tmp_path / "t", [m.block(t, images=False) for t in range(60)])
    check(m, path, 30, (5, 25))


def test_sample_still_agrees():
    p = run("/app/sample.traj", 10, (3, 8))
    assert p.returncode == 0, p.stderr
    got = json.loads(p.stdout)
    # the file as delivered, worked out when this check was written
    assert got["frames"] == 24
    assert got["species"]["Li"]["msd"][10] == pytest.approx(11.458820731864359, rel=1e-6)
    assert got["species"]["Xe"]["alpha2"][4] == pytest.approx(0.014467322878078503, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_periodic_images_shuffled_ids_several_species(tmp_path, seed):
    m = Maker(seed, SALT, 80, (11.3, 9.75, 12.0625))
    m.noise = seed == 23
    path = m.write(tmp_path / "t", [m.block(t) for t in range(80)])
    check(m, path, 40, (8, 32))


@pytest.mark.parametrize("drift", [(0.5, 0.0, -0.8), (1.1, 1.2, 1.3)])
def test_drift_of_the_centre_of_mass_is_taken_out(tmp_path, drift):
    m = Maker(31, {"heavy": (5, 200.0, 0.4), "light": (25, 1.5, 1.4)}, 70, (16.0, 15.0, 17.5), drift=drift)
    path = m.write(tmp_path / "t", [m.block(t) for t in range(70)])
    check(m, path, 20, (2, 20))


def test_frames_done_again_after_a_restart(tmp_path):
    """0..30, back to 22..35, back to 10..49: the last pass counts."""
    m = Maker(41, SALT, 50, (12.0, 12.0, 12.0))
    blocks = [m.block(t, junk=t >= 10) for t in range(31)] + [m.block(t, junk=True) for t in range(22, 36)] + [m.block(t) for t in range(10, 50)]
    check(m, m.write(tmp_path / "t", blocks), 25, (4, 20))


def test_restart_that_ends_before_the_first_pass_did(tmp_path):
    """0..59, then from 20 on again, but only to 44: 45..59 are void."""
    m = Maker(42, SALT, 45, (12.0, 11.0, 13.0))
    blocks = [m.block(t, junk=t >= 20) for t in range(60)] + [m.block(t) for t in range(20, 45)]
    check(m, m.write(tmp_path / "t", blocks), 22, (4, 20))


def test_restart_from_the_beginning_and_same_frame_twice(tmp_path):
    m = Maker(43, SALT, 30, (12.0, 11.0, 13.0))
    blocks = [m.block(t, junk=True) for t in range(12)] + [m.block(0)] + [m.block(t) for t in range(1, 15)]
    blocks += [m.block(14)] + [m.block(t) for t in range(15, 30)]
    check(m, m.write(tmp_path / "t", blocks), 15, (1, 15))


def test_incomplete_frames_are_ignored(tmp_path):
    """One cut in the middle of the file (it voids nothing), one at its end."""
    m = Maker(44, SALT, 40, (12.0, 11.0, 13.0))
    blocks = [m.block(t) for t in range(20)] + [m.block(20, junk=True, cut=11)] + [m.block(t) for t in range(20, 33)]
    blocks += [m.block(5, junk=True, cut=3)] + [m.block(t) for t in range(33, 40)] + [m.block(40, junk=True, cut=31)]
    check(m, m.write(tmp_path / "t", blocks), 18, (3, 15))


def test_file_cut_in_the_middle_of_the_last_line(tmp_path):
    m = Maker(45, SALT, 30, (12.0, 11.0, 13.0))
    blocks = [m.block(t) for t in range(30)]
    blocks[-1][-1] = blocks[-1][-1][:-2]  # "3.1416" now reads "3.14", without an end of line
    check(m, m.write(tmp_path / "t", blocks, end=""), 12, (2, 11), frames=29)


def test_small_boxes_and_long_ways(tmp_path):
    m = Maker(51, {"a": (3, 1.0, 1.0), "b": (1, 16.0, 1.5)}, 400, (3.1, 2.7, 3.5), spread=0.3, drift=(0.4, -0.2, 0.5))
    check(m, m.write(tmp_path / "t", [m.block(t) for t in range(400)]), 399, (10, 300))


def test_one_species_can_be_the_whole_drift(tmp_path):
    """Zero-based fit window, lags up to the last frame."""
    m = Maker(52, {"X": (2, 3.0, 1.0)}, 12, (9.0, 9.0, 9.0), every=1, timestep=1.5)
    check(m, m.write(tmp_path / "t", [m.block(t) for t in range(12)]), 11, (0, 11))


def test_lags_that_do_not_fit(tmp_path):
    m = Maker(61, SALT, 20, (12.0, 11.0, 13.0))
    path = m.write(tmp_path / "t", [m.block(t) for t in range(20)] + [m.block(20, cut=4)])
    for max_lag, fit in ((20, (1, 10)), (10, (5, 11)), (10, (6, 6)), (10, (7, 3))):
        p = run(path, max_lag, fit)
        assert p.returncode == 2 and p.stdout == "" and p.stderr.strip(), (max_lag, fit)
    assert run(path, 19, (1, 10)).returncode == 0


def test_large_trajectory_in_time(tmp_path):
    m = Maker(71, {"Na+": (50, 22.99, 1.3), "Cl-": (50, 35.45, 1.0)}, 1200, (21.0, 22.0, 23.5), drift=(0.3, 0.1, 0.0))
    check(m, m.write(tmp_path / "t", [m.block(t) for t in range(1200)]), 400, (50, 350))
