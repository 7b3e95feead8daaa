#!/bin/bash
# Makes the ledger repository and its backups, then damages the repository. Everything has fixed dates.
set -eu
mkdir -p /app/ledger /app/backups
cd /app/ledger
git init -q -b main
git config core.autocrlf false
git config gc.auto 0

now=1707120000
tick() { now=$((now + $1)); export GIT_AUTHOR_DATE="$now +0100" GIT_COMMITTER_DATE="$now +0100"; }
as() { export GIT_AUTHOR_NAME="$1" GIT_AUTHOR_EMAIL="$2@ledger.example" GIT_COMMITTER_NAME="$1" GIT_COMMITTER_EMAIL="$2@ledger.example"; }
commit() { tick 5400; git add -A; git commit -q -m "$1"; }

as "Nia Okafor" nia
mkdir ledger tests docs
cat > ledger/book.py <<'X'
class Book:
    def __init__(self):
        self.entries = []

    def post(self, account, cents):
        self.entries.append((account, cents))
X
cat > ledger/about.py <<'X'
NAME = "ledger"
REVISION = "$Format:%h$"
X
printf 'ledger/about.py export-subst\ntests export-ignore\n' > .gitattributes
printf '# Ledger\n\nDouble entry, single user.\n' > README.md
commit "Book with entries"
cat >> ledger/book.py <<'X'

    def balance(self, account):
        return sum(c for a, c in self.entries if a == account)
X
printf 'from ledger.book import Book\n\n\ndef test_balance():\n    b = Book()\n    b.post("cash", 5)\n    assert b.balance("cash") == 5\n' > tests/test_book.py
commit "Balance of an account"
seq 1 120 | sed 's/.*/account-& = expenses/' > docs/accounts.txt
commit "List of accounts"
c3=$(git rev-parse HEAD)
tick 60; git tag -a v1.0 -m "Ledger 1.0"

as "Jo Marsh" jo
printf '\n\ndef trial_balance(book):\n    return sum(c for _, c in book.entries)\n' >> ledger/book.py
commit "Trial balance"
git checkout -q -b release/1.x "$c3"
sed -i 's/append((account, cents))/append((account, int(cents)))/' ledger/book.py
commit "Only whole cents"
git checkout -q main
sed -i 's/account-7 = expenses/account-7 = income/' docs/accounts.txt
commit "Account 7 is income"
git bundle create -q /app/backups/ledger-2024-02.bundle --all

git checkout -q -b feature/import main
as "Nia Okafor" nia
printf 'import csv\n\n\ndef read(path):\n    with open(path, newline="") as f:\n        return list(csv.reader(f))\n' > ledger/importer.py
commit "Import from CSV"
sed -i 's/csv.reader(f)/csv.reader(f, delimiter=";")/' ledger/importer.py
commit "Import: semicolons"
git checkout -q main
as "Jo Marsh" jo
tick 600; git merge -q --no-ff -m "Merge feature/import" feature/import
printf 'print("half an idea")\n' > ledger/idea.py
git add ledger/idea.py; tick 300; git stash push -q -m "an idea for reports"
printf '\nImports CSV files.\n' >> README.md
commit "Mention the import"
c6=$(git rev-parse HEAD)
git pack-refs --all
git -c pack.window=0 repack -a -d -q
packA=$(ls .git/objects/pack/*.pack)

git checkout -q release/1.x
sed -i 's/int(cents)/round(cents)/' ledger/book.py
commit "Round to whole cents"
git checkout -q main
sed -i 's/entries = \[\]/entries = list()/' ledger/book.py
tick 500; git stash push -q -m "style"
tick 10; git tag -a v1.1 -m "Ledger 1.1" "$c6"
git -c pack.window=0 repack -d -q

cat > ledger/about.py <<'X'
NAME = "ledger"
EDITION = "spring"
REVISION = "$Format:%h$"
FULL = NAME + " " + REVISION
X
commit "Edition name"
tick 40; git tag -d v1.1 > /dev/null; git tag -a v1.1 -m "Ledger 1.1"
git archive --format=tar --prefix=ledger-1.1/ v1.1 | gzip -n > /app/backups/ledger-1.1.tar.gz
as "Nia Okafor" nia
printf 'NAME = "ledger"\nEDITION = "summer"\nREVISION = "$Format:%%h$"\n' > ledger/about.py
commit "Begin of the summer edition"
as "Jo Marsh" jo
git checkout -q -b feature/export main
printf 'def write(book, out):\n    for account, cents in book.entries:\n        out.write(f"{account};{cents}\\n")\n' > ledger/export.py
commit "Export: first version"
printf 'FORMATS = {\n    "csv": ";",\n    "tsv": "\\t",\n}\n' > ledger/formats.py
commit "Export: table of formats"
sed -i '1s/.*/from ledger.formats import FORMATS\n\n\ndef write(book, out, fmt="csv"):/; s/{account};{cents}/{account}{FORMATS[fmt]}{cents}/' ledger/export.py
commit "Export: use the formats"
printf '# Export\n\nFormats: csv, tsv.\n' > docs/export.md
git add docs/export.md
printf '\n\n# TODO: amounts in euro\n' >> ledger/export.py

git show-ref --head; git stash list --format=%H
python3 /tmp/build/damage.py "$packA"
