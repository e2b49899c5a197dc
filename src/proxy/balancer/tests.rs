//! Tests of whole balancers.
