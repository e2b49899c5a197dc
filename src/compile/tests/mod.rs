//! Tests of the whole way from Kubernetes objects to the plan. (Stages that are simple functions have theirs beside them.)
mod failing_closed;
mod fixtures;
mod incremental;
mod properties;
mod rows;
mod world;
