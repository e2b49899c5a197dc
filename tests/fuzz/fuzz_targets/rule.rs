//! libFuzzer's way into `targets/rule.rs`.
#![no_main]
#[path = "../targets/rule.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
