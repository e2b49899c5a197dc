//! libFuzzer's way into `targets/answer.rs`.
#![no_main]
#[path = "../targets/support.rs"]
mod support;
#[path = "../targets/answer.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
