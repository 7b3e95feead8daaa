#!/bin/bash
exec python3 -m pytest -q /tests/test_outputs.py
