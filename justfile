# Recipes in one line each; `just` alone lists them.

set positional-arguments

_default:
    @just --list

# Run all synthetic suites that exist, e.g. `just bench-synthetic --preset smoke`
bench-synthetic *args:
    cargo run --release -- bench memory "$@"

# Everything that must hold, on the default backend
test:
    cargo test --release --workspace

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
