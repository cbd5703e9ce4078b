#!/bin/sh
# Install Debian's Chromium for the tests of pages, where that is allowed; without it they are skipped.
command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo 'There is no Chromium: tests of pages are skipped. Run apt install chromium (or your system'"'"'s equivalent).'
    exit 0
fi
apt-get update -qq > /dev/null 2>&1
apt-get install -y -qq --no-install-recommends chromium > /dev/null 2>&1 || echo 'Chromium cannot be installed: tests of pages are skipped.'
