# The main job, on the embedded simulator
demo:
    cargo run --release -- demo

# All tests
test:
    cargo test

# Everything that has to pass
ci:
    .ci/run

# Break the pure files, and see whether a test notices
mutants:
    cargo mutants --file src/wait/machine.rs --file src/wait/pace.rs --file 'src/cloud/judge*.rs' --file 'src/cloud/judge/*.rs' --file src/cloud/endpoint.rs -- --lib
