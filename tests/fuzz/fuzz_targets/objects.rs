//! libFuzzer's way into `targets/objects.rs`.
#![no_main]
#[path = "../targets/objects.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
