"""The parts of `scripts/make_eval_set.py`: an invented web, and what is true in it."""
