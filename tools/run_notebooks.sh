#!/usr/bin/env bash
# run_notebooks.sh N FOLDER NOTEBOOK ...: every cell of each notebook by nbval, N at a time, the longest first, beside
# their own answers to earlier exercises; what each took lies in FOLDER afterwards.
set -euo pipefail
at_once=$1 folder=$2
shift 2
printf '%s\n' "$@" | sort -r | xargs -P "$at_once" -I NOTEBOOK sh -c '
    python -m pytest -q --nbval-lax --nbval-cell-timeout=600 -p no:cacheprovider \
        --junitxml="'"$folder"'/$(basename NOTEBOOK .ipynb).xml" NOTEBOOK'
