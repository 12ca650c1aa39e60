#!/bin/sh
# Install Debian's Chromium for the tests in a browser. Does nothing where there is one, or where
# it cannot be installed: the tests then say that they are skipped.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >&2
fi
