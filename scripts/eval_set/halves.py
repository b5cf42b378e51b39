"""The three voices, the half that each belongs to, and the luck it is drawn with."""

VOICES = ("tune", "tune_b", "held_out")
SPLITS = ("tune", "held_out")
SPLIT_OF = {"tune": "tune", "tune_b": "tune", "held_out": "held_out"}
# How ids begin. Those of `tune_b` are as they were when it was the half that is held out.
LETTER = {"tune": "t", "tune_b": "b", "held_out": "h"}
LEAD_LETTER = {"tune": "T", "tune_b": "H", "held_out": "K"}
SEEDS = {"tune": 411, "tune_b": 411, "held_out": 90127}
# `tune_b` is drawn by its former name, so that it stays as it was.
DRAWN_AS = {"tune": "tune", "tune_b": "held_out", "held_out": "held_out"}
