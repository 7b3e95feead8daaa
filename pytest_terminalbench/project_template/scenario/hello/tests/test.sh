#!/bin/sh
# Judges when the agent has stopped, in a container of its own: 0 is solved.
echo 'Hello, world!' | cmp - /app/hello.txt
