//! Choices on the command line: the names of a [`Choice`] are the possible values of a flag.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::choice::Choice;

/// Parses the name of a choice.
pub fn choice<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let help = |text: &'static str| text.trim().trim_end_matches('.');
    let values = T::CHOICES.iter().map(|(_, name, text)| PossibleValue::new(*name).help(help(text)));
    PossibleValuesParser::new(values).try_map(|name| T::named(&name).ok_or("is not one of the possible values"))
}
