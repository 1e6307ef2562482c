//! The class that a map explains.

use crate::model::ClassLabels;
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
    /// A class by its name.
    Name(String),
}

impl std::str::FromStr for TargetName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text {
            "top1" => Self::Top1,
            "locked" => Self::Locked,
            "frequent" => Self::Frequent,
            _ => text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id),
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
    /// This class.
    Class(usize),
}

impl Target {
    /// The class, if it does not depend on the frames.
    pub fn fixed(self) -> Option<usize> {
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
            TargetName::Id(id) if *id < labels.len() => Ok(Self::Class(*id)),
            TargetName::Id(id) => {
                Err(Error::Usage(format!("--target {id}: the model's classes are 0 to {}", labels.len() - 1)))
            }
            TargetName::Name(name) => labels.find(name).map(Self::Class),
        }
    }
}
