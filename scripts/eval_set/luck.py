"""Luck from a seed: the same on every machine and every Python, which the standard library doesn't promise."""

import hashlib

MASK = (1 << 64) - 1


class Luck:
    """SplitMix64. One for each purpose, so that a change of one case moves no other."""

    def __init__(self, *seed):
        text = "/".join(str(part) for part in seed)
        self.state = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return mixed ^ (mixed >> 31)

    def below(self, limit):
        return self.next() % limit

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def pick(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent

    def shuffled(self, items):
        items = list(items)
        for at in range(len(items) - 1, 0, -1):
            other = self.below(at + 1)
            items[at], items[other] = items[other], items[at]
        return items

    def sample(self, items, count):
        return self.shuffled(items)[:count]
