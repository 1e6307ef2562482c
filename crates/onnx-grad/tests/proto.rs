//! `src/onnx/proto.rs` is generated from `src/onnx/onnx.proto` with prost. Set
//! `SALSTREAM_REGENERATE=1` to regenerate it.

use std::path::Path;

#[test]
fn committed_types_are_what_the_schema_generates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/onnx");
    let schema = protox::compile([folder.join("onnx.proto")], [&folder]).expect("the schema compiles");
    let out = tempfile::tempdir().expect("a temporary folder");
    prost_build::Config::new().disable_comments(["."]).out_dir(out.path()).compile_fds(schema).expect("types");
    let generated = std::fs::read_to_string(out.path().join("onnx.rs")).expect("generated types");
    let committed = folder.join("proto.rs");
    if std::env::var_os("SALSTREAM_REGENERATE").is_some() {
        std::fs::write(&committed, &generated).expect("the generated types are written");
    }
    assert_eq!(std::fs::read_to_string(committed).expect("the committed types"), generated);
}
