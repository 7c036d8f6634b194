//! What plugin authors and our own tests share: fixtures, snapshots, data-set tests.
