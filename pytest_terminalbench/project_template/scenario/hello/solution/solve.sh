#!/bin/sh
# Shows that the scenario can be solved: the agent `oracle` runs it. No other agent ever gets it.
echo 'Hello, world!' > /app/hello.txt
