//! The metadata of a model.

use super::ModelProto;

impl ModelProto {
    /// Keys and values of the metadata.
    pub fn metadata(&self) -> Vec<(String, String)> {
        self.metadata_props.iter().map(|entry| (entry.key().to_owned(), entry.value().to_owned())).collect()
    }
}
