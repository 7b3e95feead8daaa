"""Shell scripts that run inside containers to count and end processes.

They use POSIX sh, `tr` and `rm` only, so that they run in minimal images, and go through /proc because minimal images
have no `ps`; and they start nobody before the last of the agent's processes is gone (except where some are to be kept),
for there may be no room. A process started by `exec` leads a session of its own (the runtime calls setsid), which is
how a command's processes are told from others': the command's first process tells its number before it becomes the
command (`RECORD_LEADER`), and that is the number of the session.
"""

from __future__ import annotations

from pytest_terminalbench.environments.base import StopReport

__all__ = ["KILL_SESSION", "MARKER", "RECORD_LEADER", "STOP_AGENT", "parse_kill_count", "parse_stop_report"]

# Every command carries this variable with a value of its own; by it the kill finds children that left the session.
MARKER = "TERMINALBENCH_EXEC"

# To be followed by a word that nobody else knows and by the command. Writes the word and the process's number to
# stderr, then becomes the command. As the runtime has it, a shell's message and exit code tell of what cannot start.
RECORD_LEADER = ("/bin/sh", "-c", 'echo "$1 $$" >&2; shift; exec "$@"', "sh")

_READ_STAT = """
# One process: sets p (pid), name, state, parent, session; fails for one that has just ended.
stat_of() {
  p=${1#/proc/}
  { IFS= read -r line < "$1/stat"; } 2>/dev/null || return 1
  name=${line#*(}; name=${name%)*}
  set -- ${line##*) }
  state=$1; parent=$2; session=$4
}
"""

# Why a round that finds nobody new comes before the kill: what is stopped starts nobody, and holds its place under the
# limit of processes, so even a fork bomb is soon held as a whole; killed at once, others would take the freed places.
_HOLD_OR_KILL = """
# $victims: the processes to end, $seen: those of them that have been stopped already.
hold_or_kill() {
  new=0
  for v in $victims; do
    case "$seen" in *" $v "*) ;; *) seen="$seen$v "; new=1; killed=$((killed + 1)) ;; esac
  done
  if [ $new = 1 ]; then kill -STOP $victims; else kill -KILL $victims; fi 2>/dev/null
}
"""

KILL_SESSION = (
    _READ_STAT
    + _HOLD_OR_KILL
    + """
# $1: the marker; $2: the command's session, 0 where nobody knows it. Kills that session, and those that marked children
# have begun, until nothing of them is left. Nobody else is touched: other commands may be running.
mine=$$; marker=$1; target=" "
[ "$2" = 0 ] || target=" $2 "
# The shell's `read` passes over the zero bytes between variables.
is_marked() {
  while IFS= read -r value || [ -n "$value" ]; do
    case "$value" in *"$marker"*) return 0 ;; esac
  done 2>/dev/null < "$d/environ"
  return 1
}
# Not all can be found so: without a privilege that containers lack not even root reads the variables of another user's
# processes, and some programs write over theirs.
for d in /proc/[0-9]*; do
  stat_of "$d" || continue
  [ "$session" = "$mine" ] && continue
  case "$target" in *" $session "*) continue ;; esac
  is_marked && target="$target$session "
done
seen=" "; killed=0; round=0; left=1
while [ $left = 1 ] && [ $round -lt 40 ]; do
  round=$((round + 1)); left=0; victims=""
  for d in /proc/[0-9]*; do
    stat_of "$d" || continue
    [ "$state" = Z ] && continue
    case "$target" in *" $session "*) victims="$victims $p"; left=1 ;; esac
  done
  [ $left = 1 ] && hold_or_kill
done
echo "killed $killed"
exit 0
"""
)

STOP_AGENT = (
    _READ_STAT
    + _HOLD_OR_KILL
    + """
# Arguments: the main process's lifetime, names to keep, `--`, paths to remove.
mine=$$; lifetime=$1; shift; keep=" "
while [ $# -gt 0 ] && [ "$1" != -- ]; do keep="$keep$1 "; shift; done
[ $# -gt 0 ] && shift

is_kept() { case "$keep" in *" $1 "*) return 0 ;; esac; return 1; }

# By its own name, its program's, or (for interpreters) its script's.
named_to_keep() {
  is_kept "$name" && return 0
  tr '\\0' '\\n' < "/proc/$p/cmdline" 2>/dev/null | {
    IFS= read -r first; IFS= read -r second
    is_kept "${first##*/}" || is_kept "${second##*/}"
  }
}

# The container's own main process: the oldest `sleep` that init started.
main=0
for d in /proc/[0-9]*; do
  stat_of "$d" || continue
  [ "$parent" = 1 ] && [ "$name" = sleep ] || continue
  value=""; { IFS= read -r value < "$d/cmdline"; } 2>/dev/null
  [ "$value" = "sleep$lifetime" ] && { [ $main = 0 ] || [ "$p" -lt $main ]; } && main=$p
done

seen=" "; killed=0; round=0; left=1
while [ $left = 1 ] && [ $round -lt 40 ]; do
  round=$((round + 1)); left=0; table=""; safe=" 1 $main "; victims=""
  for d in /proc/[0-9]*; do
    stat_of "$d" || continue
    [ "$state" = Z ] && continue
    [ "$session" = "$mine" ] && continue
    table="$table $p:$parent"
    [ "$keep" != " " ] && named_to_keep && safe="$safe$p "
  done
  # Children of what is kept are kept; init and the main process keep nobody.
  grew=1
  while [ $grew = 1 ]; do
    grew=0
    for entry in $table; do
      child=${entry%:*}; from=${entry#*:}
      case "$safe" in *" $child "*) continue ;; esac
      [ "$from" = 1 ] || [ "$from" = "$main" ] && continue
      case "$safe" in *" $from "*) safe="$safe$child "; grew=1 ;; esac
    done
  done
  for entry in $table; do
    child=${entry%:*}
    case "$safe" in *" $child "*) ;; *) victims="$victims $child"; left=1 ;; esac
  done
  [ $left = 1 ] && hold_or_kill
done
# A parent that is a link or a file would lead astray what is put there later, or refuse it.
for path; do
  above=${path%/*}
  [ -z "$above" ] || { [ -d "$above" ] && [ ! -L "$above" ]; } || rm -rf -- "$above"
done
[ $# -gt 0 ] && rm -rf -- "$@"

echo "killed $killed"
[ $left = 1 ] && echo "unstoppable 1"
cgroup=/sys/fs/cgroup
show() { [ -r "$2" ] && { IFS= read -r value < "$2"; } 2>/dev/null && echo "$1 $value"; }
field() { [ -r "$3" ] && while read -r key value; do [ "$key" = "$2" ] && echo "$1 $value"; done < "$3"; }
show memory.peak $cgroup/memory.peak
show memory.max_usage_in_bytes $cgroup/memory/memory.max_usage_in_bytes
field oom_kill oom_kill $cgroup/memory.events
field oom_kill oom_kill $cgroup/memory/memory.oom_control
field pids_max max $cgroup/pids.events
field pids_max max $cgroup/pids/pids.events
exit 0
"""
)


def parse_kill_count(text: str) -> int:
    """How many processes `KILL_SESSION` says it has ended."""
    return _number(_facts(text), "killed") or 0


def parse_stop_report(text: str) -> StopReport:
    """What `STOP_AGENT` printed."""
    facts = _facts(text)
    counter = next((name for name in ("memory.peak", "memory.max_usage_in_bytes") if name in facts), None)
    peak = _number(facts, counter) if counter else None
    return StopReport(
        killed=_number(facts, "killed") or 0,
        unstoppable="unstoppable" in facts,
        memory_peak_mb=None if peak is None else round(peak / 2**20, 1),
        memory_counter=counter,
        oom_kills=_number(facts, "oom_kill"),
        pids_refused=_number(facts, "pids_max"),
    )


def _facts(text: str) -> dict[str, str]:
    """Lines of a name, a space and a value; the last of a name counts."""
    parts = [line.partition(" ") for line in text.splitlines()]
    return {name: value.strip() for name, _, value in parts}


def _number(facts: dict[str, str], key: str) -> int | None:
    value = facts.get(key, "")
    return int(value) if value.isascii() and value.isdigit() else None
