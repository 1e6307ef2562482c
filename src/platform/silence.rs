//! Libraries that write to the terminal, silenced.

use opencv::core;

/// Stops OpenCV, and FFmpeg inside it, from writing to stderr: what matters is reported by this program, once. OpenCV
/// resets FFmpeg's log level whenever it opens something, so FFmpeg's messages are discarded by a callback instead.
pub fn silence_libraries() {
    // The level stays as it is if OpenCV cannot set it.
    let _ = core::set_log_level(core::LogLevel::LOG_LEVEL_SILENT);
    silence_ffmpeg();
}

fn silence_ffmpeg() {
    use std::ffi::{c_char, c_int, c_void};
    type Callback = extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void);
    type SetCallback = unsafe extern "C" fn(Callback);
    extern "C" fn nothing(_: *mut c_void, _: c_int, _: *const c_char, _: *mut c_void) {}
    #[cfg(unix)]
    // SAFETY: the symbol is libavutil's `void av_log_set_callback(void (*)(void *, int, const char *, va_list))`, which
    // stores the pointer; the callback touches none of its arguments, of which the last is passed as a pointer.
    unsafe {
        let program = libloading::os::unix::Library::this();
        if let Ok(set_callback) = program.get::<SetCallback>(b"av_log_set_callback\0") {
            set_callback(nothing);
        }
    }
}
