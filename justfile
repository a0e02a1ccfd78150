# Recipes; `just` alone lists them. A recipe that takes `--backend NAME` builds that backend too.

set positional-arguments

_default:
    @just --list

# Run the experiments of all suites that make their own data, e.g. `just bench-synthetic --preset smoke --backend wgpu`
bench-synthetic *args:
    @just lookback bench synthetic "$@"

# Train a Vision Transformer on CIFAR-10, e.g. `just train-vit --backend wgpu` (data: `just lookback data fetch cifar10`)
train-vit *args:
    @just lookback train vit "$@"

# Run the program with any arguments, e.g. `just lookback list models`
lookback *args:
    #!/usr/bin/env bash
    set -euo pipefail
    features=()
    previous=
    for word in "$@"; do
        case "$previous $word" in
            "--backend "*) features=(--features "$word") ;;
            *" --backend="*) features=(--features "${word#--backend=}") ;;
        esac
        previous=$word
    done
    exec cargo run --release "${features[@]}" -- "$@"

# Everything that must hold, on the default backend
test:
    cargo test --release --workspace

# The same results on every backend that this machine can run: flex, ndarray, and wgpu (a GPU, or Mesa's software Vulkan)
test-backends:
    cargo test --profile backends --workspace --features ndarray,wgpu --test cli --test kernels backends

# Format and lints
lint:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets -- -D warnings

# The documentation, warnings denied
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

# What continuous integration runs
ci:
    bash .ci/run

# Training steps of every architecture on this machine
bench *args:
    cargo bench --bench steps -- "$@"

# Values beside burn-flex, then training steps, on a GPU, e.g. `just bench-gpu wgpu` or `just bench-gpu cuda`
bench-gpu backend:
    cargo bench --bench backends --features {{ backend }} -- values --backend {{ backend }}
    cargo bench --bench backends --features {{ backend }} -- steps --backend {{ backend }}

# The same steps and sweep in PyTorch and JAX beside ours, and how our steps grow with length and width; writes
# docs/performance.md (needs the environment that benchmarks/peers/README.md describes)
bench-peers *args:
    cargo bench --bench steps --no-run
    cargo build --release
    ln -sf "$(ls -t target/release/deps/steps-* | grep -v '\.d$' | head -1 | xargs basename)" target/release/deps/steps
    python benchmarks/peers/compare.py --ours target/release/deps/steps --write docs/performance.md "$@"
    python benchmarks/peers/sweep.py --ours target/release/lookback --write docs/performance.md
    python benchmarks/peers/scaling.py --ours target/release/deps/steps --write docs/performance.md

# Run the preset `quick` of suite memory, and put its results, picture and tables into README.md and docs/
results out="runs/results":
    cargo run --release -- bench memory --out {{ out }}
    mkdir -p docs/memory-quick
    cp {{ out }}/results.csv {{ out }}/figures/error-vs-alpha.png docs/memory-quick/
    UPDATE_DOCS=1 cargo test --release --test docs
