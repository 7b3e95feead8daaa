#!/bin/bash
# Branches off where main is (so the tax fix stays in the feature branch), then puts main back and picks the fix.
set -eu
cd /app/shop
git branch feature/coupons
fix=$(git log --format=%h --grep='Round taxes' main)
git stash -q
git reset -q --hard origin/main
git cherry-pick "$fix"
git stash pop
