#!/bin/bash
exec python3 -m pytest -q --maxfail=6 /tests/test_outputs.py
