#!/bin/bash
# The shop repository with its origin, and commits on main that belong elsewhere.
set -eu
git config --global user.name "Sam Ortega"
git config --global user.email "sam@shop.example"
git config --global init.defaultBranch main
mkdir -p /app
git init -q --bare /app/origin.git
git init -q /app/shop
cd /app/shop
git remote add origin /app/origin.git

n=0
commit() { # author <email> | message
  n=$((n + 1))
  git add -A
  GIT_AUTHOR_DATE="2024-05-0$((n % 9 + 1))T10:0$((n % 6)):00+0200" GIT_COMMITTER_DATE="2024-05-12T09:00:0$((n % 10))+0200" \
    git commit -q --author "$1" -m "$2"
}

mkdir shop
cat > shop/tax.py <<'X'
RATES = {"standard": 19, "reduced": 7}


def gross(net_cents, rate):
    return int(net_cents * (100 + RATES[rate]) / 100)
X
cat > shop/cart.py <<'X'
from shop.tax import gross


class Cart:
    def __init__(self):
        self.items = []

    def add(self, net_cents, rate="standard"):
        self.items.append((net_cents, rate))

    def total(self):
        return sum(gross(n, r) for n, r in self.items)
X
printf '# Shop\n\nA cart with taxes.\n' > README.md
printf '__pycache__/\n' > .gitignore
touch shop/__init__.py
commit "Sam Ortega <sam@shop.example>" "Cart with taxes"
printf '0.9\n' > VERSION
commit "Kim Li <kim@shop.example>" "Version file"
git push -q -u origin main

cat > shop/coupon.py <<'X'
def percent_off(total, percent):
    return total - total * percent // 100
X
commit "Kim Li <kim@shop.example>" "Coupons: percentages

First step of SHOP-31. Not to be released before the legal review."
sed -i 's/self.items = \[\]/self.items = []\n        self.coupons = []/' shop/cart.py
cat >> shop/cart.py <<'X'

    def add_coupon(self, percent):
        self.coupons.append(percent)
X
commit "Sam Ortega <sam@shop.example>" "Coupons: keep them in the cart"
cat > shop/tax.py <<'X'
RATES = {"standard": 19, "reduced": 7}


def gross(net_cents, rate):
    return (net_cents * (100 + RATES[rate]) + 50) // 100
X
commit "Ana Petrov <ana@shop.example>" "Round taxes to the nearest cent

Amounts such as 0.29 were one cent too low. Fixes SHOP-40."
sed -i 's/^from shop.tax import gross/from shop.coupon import percent_off\nfrom shop.tax import gross/; s/return sum(gross(n, r) for n, r in self.items)/total = sum(gross(n, r) for n, r in self.items)\n        for percent in self.coupons:\n            total = percent_off(total, percent)\n        return total/' shop/cart.py
commit "Kim Li <kim@shop.example>" "Coupons: apply them to the total"

printf '\nRun the tests with `python3 -m unittest`.\n' >> README.md
printf 'ask legal about SHOP-31\n' > notes.txt
git reflog expire --expire=now --all
git config --global --unset user.name
git config --global --unset user.email
git config --global --unset init.defaultBranch
git config user.name "Sam Ortega"
git config user.email "sam@shop.example"
