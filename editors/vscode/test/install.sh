#!/usr/bin/env bash
# The workbench for the tests: VS Code's server and interface as npm's code-server ships them, once, into the cache.
# Needs Node 20 and, on a bare Debian, root: Chromium and ripgrep come from apt.
set -euo pipefail
root=${XDG_CACHE_HOME:-$HOME/.cache}/darner/vscode-test
code=node_modules/code-server/lib/vscode
for tool in chromium rg g++ ffmpeg; do
    command -v "$tool" >/dev/null && continue
    echo "test-vscode: installing chromium, ripgrep, g++ and ffmpeg" >&2
    apt-get -qq -o DPkg::Lock::Timeout=600 update </dev/null
    apt-get -qq -o DPkg::Lock::Timeout=600 install -y --no-install-recommends chromium ripgrep g++ make python3 ffmpeg fonts-dejavu-core </dev/null
    break
done
mkdir -p "$root"
cd "$root"
[ -e "$code/.ready" ] && exit 0
echo "test-vscode: installing the workbench (about 300 MB) into $root" >&2
echo '{"private":true}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund code-server@4.100.3 # the last one for Node 20
cd "$code"
npm install --silent --omit=dev --ignore-scripts --no-audit --no-fund
mkdir -p node_modules/@vscode/ripgrep/bin
ln -sf "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg # its own install step downloads one
npm rebuild --silent @vscode/spdlog native-watchdog @parcel/watcher
npm rebuild --silent node-pty >/dev/null 2>&1 || true # it is built; only what comes after needs a download
test -e node_modules/node-pty/build/Release/pty.node
ln -sfn node_modules node_modules.asar
touch .ready
