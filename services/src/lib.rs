//! Real services for tests and benchmarks, on loopback ports of their own, without containers.
