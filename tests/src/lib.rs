//! Harness for tests that drive the real binary.
