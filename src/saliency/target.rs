//! The class that a map explains.

use crate::model::{ClassLabels, ClassTarget};
use crate::{Error, Result};

/// The class to explain, as entered by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetName {
    /// Each frame's best class.
    Top1,
    /// The first frame's best class, for the whole clip.
    Locked,
    /// The class that is best in most frames, for the whole clip.
    Frequent,
    /// A class by its id.
    Id(usize),
    /// A class by its name, or the opposite of one: `-NAME`.
    Name(String),
    /// A negative number, which is not a class.
    Negative(i64),
}

impl std::str::FromStr for TargetName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text {
            "top1" => Self::Top1,
            "locked" => Self::Locked,
            "frequent" => Self::Frequent,
            "-1" => Self::Top1,
            _ => match text.parse::<i64>() {
                Ok(number) if number < 0 => Self::Negative(number),
                _ => text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id),
            },
        })
    }
}

impl std::fmt::Display for TargetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Top1 => f.write_str("top1"),
            Self::Locked => f.write_str("locked"),
            Self::Frequent => f.write_str("frequent"),
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Negative(number) => number.fmt(f),
        }
    }
}

/// The class to explain, validated against a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Each frame's best class. A displayed class is kept until another one is twice as probable,
    /// so that the label and the map do not flicker between two classes with similar scores.
    Top1,
    /// The first frame's best class, for the whole clip.
    Locked,
    /// The class that is best in most frames. Works like `Locked` if the frames were not scanned
    /// first.
    Frequent,
    /// This class, or its opposite.
    Class(ClassTarget),
}

impl Target {
    /// The class, if it does not depend on the frames.
    pub fn fixed(self) -> Option<ClassTarget> {
        match self {
            Self::Class(class) => Some(class),
            Self::Top1 | Self::Locked | Self::Frequent => None,
        }
    }

    /// Resolves the user's input to one of the model's classes.
    ///
    /// # Errors
    /// [`Error::Usage`] for an id out of range, or for an unknown name (with similar names).
    pub fn resolve(name: &TargetName, labels: &ClassLabels) -> Result<Self> {
        match name {
            TargetName::Top1 => Ok(Self::Top1),
            TargetName::Locked => Ok(Self::Locked),
            TargetName::Frequent => Ok(Self::Frequent),
            TargetName::Id(id) if *id < labels.len() => Ok(Self::Class((*id).into())),
            TargetName::Id(id) => {
                Err(Error::Usage(format!("--target {id}: the model's classes are 0 to {}", labels.len() - 1)))
            }
            TargetName::Name(name) => named(name, labels).map(Self::Class),
            TargetName::Negative(number) => {
                let class = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
                let name = if class < labels.len() { labels.name(class) } else { "NAME" };
                let problem = format!("--target {number}: class ids are 0 to {}", labels.len() - 1);
                Err(Error::Usage(format!("{problem}; for the opposite of a class, use its name: --target '-{name}'")))
            }
        }
    }
}

/// The class `name`, or the opposite of one if the name begins with a minus and no class is called so.
fn named(name: &str, labels: &ClassLabels) -> Result<ClassTarget> {
    match (labels.find(name), name.strip_prefix('-')) {
        (Ok(class), _) => Ok(class.into()),
        (Err(_), Some(opposite)) => labels.find(opposite).map(|class| ClassTarget { class, opposite: true }),
        (Err(error), None) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Target> {
        let labels = ClassLabels::new(["cat", "dog", "-x"].map(str::to_owned).to_vec(), 3).unwrap();
        let Ok(name) = text.parse::<TargetName>();
        Target::resolve(&name, &labels)
    }

    #[test]
    fn a_minus_before_a_name_means_its_opposite() {
        let class = |class, opposite| Target::Class(ClassTarget { class, opposite });
        assert_eq!(resolve("dog").unwrap(), class(1, false));
        assert_eq!(resolve("-Dog").unwrap(), class(1, true));
        assert_eq!(resolve("-x").unwrap(), class(2, false), "a class may be called so");
        assert_eq!(resolve("--x").unwrap(), class(2, true));
        assert_eq!(resolve("-1").unwrap(), Target::Top1, "as in a gradient model");
    }

    #[test]
    fn numbers_that_are_no_classes_are_refused_with_those_that_are() {
        for (text, words) in [
            ("3", &["--target 3", "0 to 2"][..]),
            ("-2", &["--target -2", "0 to 2", "'--x'"]),
            ("-9", &["0 to 2", "'-NAME'"]),
            ("-bird", &["'bird'"]),
            ("99999999999999999999", &["no such class"]),
        ] {
            let error = resolve(text).unwrap_err();
            assert!(matches!(error, Error::Usage(_)), "{error}");
            for word in words {
                assert!(error.to_string().contains(word), "no {word} in: {error}");
            }
        }
    }
}
