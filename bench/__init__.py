"""Measurements, side by side in one run: `python -m bench`.

A file in `parts/` is a part: it has a coroutine `measure(effort)` that returns figures. Nothing lists them.
"""
