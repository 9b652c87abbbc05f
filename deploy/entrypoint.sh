#!/bin/sh
# Runs the image's distribution; without arguments, with its default ones.
set -eu
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2086 - several words on purpose
    set -- $BOOKSTREAM_DEFAULT_ARGUMENTS
fi
exec python3 -m "$BOOKSTREAM_MODULE" "$@"
