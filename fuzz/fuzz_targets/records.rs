#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| salstream::fuzzing::records(data));
