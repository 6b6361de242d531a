"""Put ckmeans beside its peers: same data, same initial centers, same iterations, a process each.

``python -m benchmarks.run --help`` says what can be asked; ``benchmarks/README.md`` says what is fair and why.
"""
