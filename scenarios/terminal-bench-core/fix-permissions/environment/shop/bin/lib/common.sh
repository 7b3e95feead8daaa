fail() { echo "deploy: $*" >&2; exit 1; }

note() { printf '%s\n' "$*" >> "$root/log/deploy.log"; }

# switch RELEASES VERSION: point "current" to VERSION in one step
switch() {
    ln -s "$2" "$1/.current.$$"
    mv -T "$1/.current.$$" "$1/current"
}
