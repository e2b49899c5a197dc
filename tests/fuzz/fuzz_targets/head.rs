//! libFuzzer's way into `targets/head.rs`.
#![no_main]
#[path = "../targets/support.rs"]
mod support;
#[path = "../targets/head.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
