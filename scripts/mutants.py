#!/usr/bin/env python3
"""Mutants: small faults that cargo-mutants makes up, and whether a test fails with each.

    scripts/mutants.py                the sample of each area
    scripts/mutants.py losses io      of these
    scripts/mutants.py losses 7/90    of this one another sample, as cargo-mutants' `--shard` counts them

Needs cargo-mutants, which lists them. It would build the crate and its tests for each of them, which takes minutes; here
all of a sample are in one build: a function with a mutant becomes `if crate::mutant(7) { mutated } else { as it was }`, and the
environment variable TAPER_MUTANT says which one runs. Those that do not compile are taken out and counted as unviable. What is
built is a copy in target/mutants. An area's tests run in the order in which they stand below, until one fails.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "target/mutants"
FEATURES = ["--features", "safetensors,onnx,npy"]
# The shards that are the sample of an area; what is not in it; and the tests that matter, `lib` being the unit tests.
AREAS = {
    "layers": ("0/180", "src/layers/onnx/**", "torch_values keras norms misuse quantized numbers files life narrowing onnx lib gradients"),
    "losses": ("0/90", None, "torch_values keras misuse evaluation narrowing life lib gradients"),
    "optimizers": ("0/57", None, "torch_values torch_training keras misuse norms sums numbers life files lib"),
    "schedules": ("0/18", None, "torch_values keras misuse life files lib"),
    "train": ("0/90", "src/train/progress_bar.rs", "evaluation life misuse keras ranks narrowing files lib"),
    "narrow": ("0/55", None, "narrowing misuse lib"),
    "io": ("0/85 42/85", "src/io/onnx/**", "files npy quantized misuse lib"),
    "kernels": ("0/240", None, "torch_values keras quantized norms onnx lib gradients"),
    "io/onnx": ("0/200", None, "onnx lib"),
}
SWITCH = """
/// Whether the mutant of this number is the one that is wanted.
#[inline]
pub(crate) fn mutant(number: usize) -> bool {
    static WANTED: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *WANTED.get_or_init(|| std::env::var("TAPER_MUTANT").map_or(0, |number| number.parse().expect("a number"))) == number
}
"""


def sample(area, shards):
    """The mutants of an area, spread over its files."""
    left_out = AREAS[area][1]
    command = ["cargo", "mutants", "--list", "--json", "-f", f"src/{area}/**", *(["-e", left_out] if left_out else [])]
    mutants = []
    for shard in shards:
        of_shard = [*command, "--shard", shard, "--sharding", "round-robin"]
        mutants += json.loads(subprocess.run(of_shard, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return mutants


def body_of(text, start):
    """Where the body of the function that starts here, with its documentation, begins."""
    lines = re.compile(r"\s*(//|#\[).*\n|\s*\n")
    while match := lines.match(text, start):
        start = match.end()
    place, depth = text.index("(", text.index("fn ", start)), 0
    while text[place] != "{" or depth:
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        place += 1
    return None if re.search(r"\bconst\s+fn\b", text[start:place]) else place + 1


def plant(mutants):
    """Writes the mutants into the copy; tells the lines of each by file, and the numbers of those that cannot be planted so."""
    lines, not_planted, by_file = defaultdict(list), set(), defaultdict(list)
    for number, mutant in mutants.items():
        by_file[mutant["file"]].append((number, mutant))
    for file, here in by_file.items():
        text = (COPY / file).read_text()
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))

        def place(position):
            return starts[position["line"] - 1] + position["column"] - 1

        # Functions from the first to the last; one inside another is part of that one.
        functions = []
        spans = [(place(m["function"]["span"]["start"]), -place(m["function"]["span"]["end"]), n, m) for n, m in here if m["function"]]
        not_planted |= {number for number, mutant in here if not mutant["function"]}
        for start, end, number, mutant in sorted(spans, key=lambda span: span[:3]):
            if functions and start < functions[-1][1]:
                functions[-1][2].append((number, mutant))
            else:
                functions.append((start, -end, [(number, mutant)]))
        written, done = "", 0
        for start, end, inside in functions:
            first, last = body_of(text, start), end - 1
            if first is None:
                not_planted |= {number for number, _ in inside}
                continue
            written += text[done:first]
            for number, mutant in inside:
                from_, to = place(mutant["span"]["start"]), place(mutant["span"]["end"])
                written += f" if crate::mutant({number}) {{"
                line = written.count("\n") + 1
                written += text[first:from_] + mutant["replacement"] + text[to:last]
                lines[file].append((line, written.count("\n") + 1, number))
                written += "} else"
            written += " {" + text[first:last] + "} "
            done = last
        (COPY / file).write_text(written + text[done:])
    with open(COPY / "src/lib.rs", "a") as library:
        library.write(SWITCH)
    return lines, not_planted


def cargo(*arguments):
    """Messages of the compiler and what it made; what goes wrong is among them."""
    run = subprocess.run(["cargo", *arguments, "--message-format=json", *FEATURES], cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()]


def compile_all(mutants):
    """Plants all that compile; tells those that do not, and those that cannot be planted."""
    unviable = set()
    while True:
        for name in ["src", "tests"]:
            shutil.rmtree(COPY / name, ignore_errors=True)
        for name in ["src", "tests", "benches", "examples", "docs", "Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md"]:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, COPY / name, dirs_exist_ok=True)
            elif (ROOT / name).exists():
                shutil.copy2(ROOT / name, COPY / name)
        # What is planted need not be clean.
        manifest = COPY / "Cargo.toml"
        manifest.write_text(manifest.read_text().replace("[lints]\nworkspace = true\n", ""))
        lines, not_planted = plant({number: mutant for number, mutant in mutants.items() if number not in unviable})
        code, messages = cargo("check", "--lib")
        if code == 0:
            return unviable, not_planted
        found = set()
        for message in messages:
            for span in message["message"]["spans"] if message.get("message", {}).get("level") == "error" else []:
                of_file = lines.get(span["file_name"], [])
                found |= {n for first, last, n in of_file if first <= span["line_start"] and span["line_end"] <= last}
        if not found:
            sys.exit("an error that is no mutant's: cargo check in target/mutants tells it")
        unviable |= found


def tests(names):
    """The programs of these tests."""
    chosen = [word for name in names for word in (["--lib"] if name == "lib" else ["--test", name])]
    code, messages = cargo("test", "--package", "taper", "--no-run", *chosen)
    if code:
        sys.exit("the tests do not compile: cargo test in target/mutants tells why")
    programs = {}
    for message in messages:
        if message.get("executable") and message["profile"]["test"]:
            target = message["target"]
            programs["lib" if "lib" in target["kind"] else target["name"]] = message["executable"]
    return programs


def outcome(program, number, seconds):
    environment = dict(os.environ, TAPER_MUTANT=str(number), CARGO_MANIFEST_DIR=str(COPY))
    run = subprocess.Popen([program, "-q"], cwd=COPY, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return "missed" if run.wait(timeout=seconds) == 0 else "caught"
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return "timeout"


def main():
    shards = [word for word in sys.argv[1:] if "/" in word and word not in AREAS]
    areas = [word for word in sys.argv[1:] if word not in shards] or list(AREAS)
    all_of_them = [(area, mutant) for area in areas for mutant in sample(area, shards or AREAS[area][0].split())]
    mutants = {number: mutant for number, (_, mutant) in enumerate(all_of_them, 1)}
    COPY.mkdir(parents=True, exist_ok=True)
    unviable, not_planted = compile_all(mutants)
    names = list(dict.fromkeys(name for area in areas for name in AREAS[area][2].split()))
    programs = tests(names)
    for name in names:
        if outcome(programs[name], 0, 1200) != "missed":
            sys.exit(f"the test {name} fails without a mutant")
    table = defaultdict(Counter)
    for number, (area, mutant) in enumerate(all_of_them, 1):
        came = "unviable" if number in unviable else "not planted" if number in not_planted else "missed"
        by = ""
        for name in AREAS[area][2].split() if came == "missed" else []:
            came, by = outcome(programs[name], number, 600), name
            if came != "missed":
                break
        table[area][came] += 1
        print(f"{came}\t{by if came in ['caught', 'timeout'] else '-'}\t{mutant['name']}", flush=True)
    for area in areas:
        print(area, ", ".join(f"{came} {count}" for came, count in sorted(table[area].items())), sep=": ")


main()
