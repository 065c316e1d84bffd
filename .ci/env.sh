# Sourced: a fresh environment with the checkout and its development tools in it, gone when the script ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

say "a fresh environment"
"${PYTHON:-python3}" -m venv "$work/env"
export PATH="$work/env/bin:$PATH" VIRTUAL_ENV="$work/env"
pip install -qq --disable-pip-version-check --editable '.[dev]'

# Where recorded data lies beside the checkout, a test that wants it must run: it fails instead of skipping.
if [ -d ../shared/replay ]; then export ORCHESTRATOR_REQUIRE_SHARED=1; fi
