//! libFuzzer's way into `targets/sparse.rs`.
#![no_main]
#[path = "../targets/sparse.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
