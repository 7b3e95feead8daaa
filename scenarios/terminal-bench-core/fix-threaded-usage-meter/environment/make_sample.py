"""A small sample of usage records."""
import random
import sys

rng = random.Random(7)
with open(sys.argv[1], "w") as f:
    f.write("# usage, March\n")
    for i in range(3000):
        t = 1709251200000 + i * 831 + rng.randrange(500)
        if rng.random() < 0.01:
            f.write(rng.choice(["\n", "broken line\n", f"{t}\tcpu\tn/a\n", "# pause\n"]))
        f.write(f"{t}\t{rng.choice(['cpu', 'disk', 'net/in', 'net/out', 'credit'])}/tenant-{rng.randrange(12)}\t{rng.choice(['', '-'])}{rng.randrange(500)}.{rng.randrange(1000):03d}\n")
