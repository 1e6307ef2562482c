//! Settings with named values. The names and their meanings are defined with the type, for the
//! command line, the live page and other users.

/// A setting with a few named values.
pub trait Choice: Copy + PartialEq + 'static {
    /// Each value with its name, as entered by the user, and its meaning.
    const CHOICES: &'static [(Self, &'static str, &'static str)];

    /// The value's name.
    fn name(self) -> &'static str {
        Self::CHOICES.iter().find(|(value, ..)| *value == self).map_or("", |(_, name, _)| name)
    }

    /// The value with this name.
    fn named(name: &str) -> Option<Self> {
        Self::CHOICES.iter().find(|(_, known, _)| *known == name).map(|(value, ..)| *value)
    }

    /// All names, in order.
    fn names() -> impl Iterator<Item = &'static str> {
        Self::CHOICES.iter().map(|(_, name, _)| *name)
    }

    /// All values, in order.
    fn values() -> impl Iterator<Item = Self> {
        Self::CHOICES.iter().map(|(value, ..)| *value)
    }
}

/// Declares an enum that implements [`Choice`]. Each variant's doc comment is its help text.
macro_rules! choices {
    ($(#[$meta:meta])* $visibility:vis enum $choice:ident { $($(#[doc = $help:literal])+ $value:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        $visibility enum $choice {
            $($(#[doc = $help])+ $value,)+
        }

        impl $crate::choice::Choice for $choice {
            const CHOICES: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$value, $name, concat!($($help),+)),)+];
        }
    };
}

pub(crate) use choices;

#[cfg(test)]
mod tests {
    use super::*;

    choices! {
        /// A test.
        #[derive(Debug, Clone, Copy, PartialEq)]
        enum Side {
            /// To the left,
            /// from here.
            Left = "left",
            /// To the right.
            Right = "to-the-right",
        }
    }

    #[test]
    fn names_and_values_belong_together() {
        assert_eq!((Side::Right.name(), Side::named("left")), ("to-the-right", Some(Side::Left)));
        assert_eq!(Side::named("Left"), None);
        assert_eq!(Side::names().collect::<Vec<_>>(), ["left", "to-the-right"]);
        assert_eq!(Side::values().collect::<Vec<_>>(), [Side::Left, Side::Right]);
        assert_eq!(Side::CHOICES[0].2, " To the left, from here.");
    }
}
