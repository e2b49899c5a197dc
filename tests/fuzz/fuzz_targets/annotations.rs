//! libFuzzer's way into `targets/annotations.rs`.
#![no_main]
#[path = "../targets/annotations.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
