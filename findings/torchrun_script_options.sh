#!/usr/bin/env bash
# Finding: torchrun refuses a script's own option when the option could be an abbreviation of two of torchrun's options,
# although it stands behind the name of the script.
#
#   torch==2.13.0, Python 3.11, observed on 30 November 2026.
#
# torchrun hands everything behind the script's name to the script (argparse.REMAINDER). It declares most options with
# two spellings, for example --start-method and --start_method. argparse looks for abbreviations among all arguments
# before it knows which of them are the script's. So `--start`, `--log` and `--rdzv` of a script end with "ambiguous
# option", and the script never starts. Options such as `--begin` reach the script. With `--` before the script's name
# every option reaches it.
#
# Observed output:
#   torch 2.13.0+cpu
#   --begin: the script got ['--begin', 'here']
#   --start: torchrun: error: ambiguous option: --start could match --start-method, --start_method
#   --log: torchrun: error: ambiguous option: --log could match --log-dir, --log_dir, --logs-specs, --logs_specs
#   -- and --start: the script got ['--start', 'here']
#   as found: the script does not get the options --start and --log
#
# Exits 0 if the behaviour is as described, 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy
echo 'import sys; print("the script got", sys.argv[1:])' > "$folder/script.py"

run() {
    "$folder/venv/bin/torchrun" --standalone --nproc-per-node 1 "$@" here 2>&1 | tail -n 1 || true
}

"$folder/venv/bin/python" -c 'import torch; print(f"torch {torch.__version__}")'
script=$folder/script.py
begin=$(run "$script" --begin) start=$(run "$script" --start) log=$(run "$script" --log)
separated=$(run -- "$script" --start)
printf '%s\n' "--begin: $begin" "--start: $start" "--log: $log" "-- and --start: $separated"
if [[ $begin == *"['--begin', 'here']"* && $separated == *"['--start', 'here']"* &&
    $start == *"ambiguous option: --start"* && $log == *"ambiguous option: --log"* ]]; then
    echo "as found: the script does not get the options --start and --log"
else
    echo "changed: not as described in this file"
    exit 1
fi
