#!/bin/bash
set -eu
cd /app/shop
hotfix=$(git log --format=%h --grep='Round taxes' main)
coupons=$(git log --reverse --format=%h --grep='^Coupons: ' origin/main..main)

git stash -q                           # the change to README.md
git checkout -q -b feature/coupons --no-track origin/main
git cherry-pick $coupons
git checkout -q main
git reset -q --hard origin/main
git cherry-pick "$hotfix"
git stash pop
git log --oneline --graph --all
git status --short
