//! Choices on the command line: their names are its possible values.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::choice::Choice;

/// Parses the name of a choice.
pub fn choice<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let help = |text: &'static str| text.trim().trim_end_matches('.');
    let values = T::CHOICES.iter().map(|(_, name, text)| PossibleValue::new(*name).help(help(text)));
    PossibleValuesParser::new(values).try_map(|name| T::named(&name).ok_or("is not one of the possible values"))
}
