//! Tests of the cookies.
