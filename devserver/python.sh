#!/bin/sh
# Prints the first Python that can set the project up, or says what is missing.
found=""
without_venv=""
for name in python3 python3.14 python3.13 python3.12 python3.11; do
    version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { found="$found $version"; continue; }
    # Debian and Ubuntu split these two off.
    "$name" -c 'import venv, ensurepip' 2>/dev/null || { without_venv="$name $version"; continue; }
    echo "$name"
    exit 0
done
if [ -n "$without_venv" ]; then
    set -- $without_venv
    echo "Weighthouse: Python $2 is here without its venv module. On Debian or Ubuntu:" \
        "sudo apt install python$2-venv" >&2
elif [ -n "$found" ]; then
    echo "Weighthouse needs Python 3.11 or newer; found only:$found." \
        "Install a newer one, under the name python3 or python3.11 to python3.14." >&2
else
    echo "Weighthouse needs Python 3.11 or newer, and there is no python3 here. Install one." >&2
fi
exit 1
