#!/bin/sh
# Build the fuzzers with clang, then let each run for some seconds: fuzz/run.sh SECONDS. Ends at the first finding.
#
# Inputs that reached something new are kept in build/fuzz/corpus, and a later run goes on from them. An input that is a finding lies
# in build/fuzz/findings; `build/fuzz/model_fuzzer FILE` shows it again.
set -e
cd "$(dirname "$0")/.."
seconds=$1 out=build/fuzz
: "${CLANG:=clang++}"
if ! command -v "$CLANG" > /dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
        echo "clang++ is missing: run apt install clang libclang-rt-dev (or your system's equivalent)." >&2
        exit 1
    fi
    apt-get install -y -qq --no-install-recommends clang libclang-rt-dev > /dev/null
fi

PATH="$PWD/.venv/bin:$PATH"
cmake -S fuzz -B $out -G Ninja -DCMAKE_CXX_COMPILER="$CLANG" > $out.log || { cat $out.log >&2; exit 1; }
cmake --build $out > $out.log || { cat $out.log >&2; exit 1; }
.venv/bin/python fuzz/make_seeds.py $out/seeds

# What libFuzzer says line by line goes into a file; shown is the last state (cov: branches reached, ft: with their counts) and the
# number of runs, or how it failed.
fuzz() {
    name=$1
    shift
    echo "$name: "
    mkdir -p $out/corpus/"$name" $out/findings
    if ! $out/"$name"_fuzzer -max_total_time="$seconds" -timeout=60 -artifact_prefix=$out/findings/"$name-" "$@" \
        $out/corpus/"$name" $out/seeds/"$name" > $out/"$name".log 2>&1; then
        tail -n 40 $out/"$name".log >&2
        exit 1
    fi
    grep ' cov: ' $out/"$name".log | tail -n 1
    tail -n 1 $out/"$name".log
}
fuzz model -max_len=8192 -dict=fuzz/model.dict
fuzz inflate -max_len=2000
export PRUNETEXT_FUZZ_MODELS=$out/seeds/readers
fuzz tokenizer -max_len=1000
fuzz match -max_len=2000
