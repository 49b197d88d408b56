#!/usr/bin/env bash
# Installs, or names, what the environment needs from the system: libseccomp, for one layer of the grader's isolation.
# Everything else comes from Python packages. Never fails: without it grading runs, and the report says what is weaker.
set -u
[ "$(uname -s)" = Linux ] || { echo "isolation: Linux only; elsewhere submissions run with time limits alone, and the report says so"; exit 0; }
has_seccomp() { ldconfig -p 2>/dev/null | grep -q 'libseccomp\.so\.2' || ls /usr/lib*/libseccomp.so.2 /usr/lib/*/libseccomp.so.2 >/dev/null 2>&1; }
if ! has_seccomp && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && apt-get install -y -qq libseccomp2; } >/dev/null 2>&1
fi
has_seccomp || echo "isolation: libseccomp is missing, so system calls of submissions are not filtered. On Debian and Ubuntu: sudo apt-get install libseccomp2"
exit 0
