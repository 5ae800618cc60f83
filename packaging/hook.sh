#!/usr/bin/env sh
# Runs a program of the environment that `make setup` made: hook.sh PROGRAM ARGUMENT...
folder=.venv/bin
if [ -d .venv/Scripts ]; then
    folder=.venv/Scripts
fi
program=$1
shift
exec "$folder/$program" "$@"
