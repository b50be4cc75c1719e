# Sourced: what scripts of a release run. Beside the rights to publish nothing is installed: there it is the program that
# another job built, on the Node of the machine.
program=src/main.ts
run() { npm exec --offline -- node "$@"; }
if [ ! -d node_modules ]; then
  program=build/program/weighlock.mjs
  run() { node "$@"; }
fi
