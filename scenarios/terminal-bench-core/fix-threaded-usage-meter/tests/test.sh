#!/bin/bash
exec python3 -m pytest -q --maxfail=8 /tests/test_outputs.py
