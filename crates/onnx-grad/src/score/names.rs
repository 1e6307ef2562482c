//! What the name of an output says about what it holds.

/// What a name hints at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameHint {
    /// Class scores.
    Scores,
    /// Something else.
    Other(&'static str),
    /// Nothing.
    None,
}

/// The beginnings of words for class scores.
const SCORES: [&str; 8] = ["score", "logit", "prob", "class", "label", "softmax", "categor", "predict"];

/// The beginnings of words for other results, and what these are.
const OTHERS: [(&str, &str); 14] = [
    ("box", "boxes"),
    ("bbox", "boxes"),
    ("locat", "boxes"),
    ("anchor", "boxes"),
    ("coord", "boxes"),
    ("offset", "boxes"),
    ("regress", "boxes"),
    ("embed", "features"),
    ("feat", "features"),
    ("hidden", "features"),
    ("landmark", "landmarks"),
    ("keypoint", "landmarks"),
    ("mask", "masks"),
    ("auxil", "auxiliary results"),
];

/// Words that mean something else if they are part of a longer word.
const SHORT: [(&str, NameHint); 5] = [
    ("cls", NameHint::Scores),
    ("loc", NameHint::Other("boxes")),
    ("reg", NameHint::Other("boxes")),
    ("kpts", NameHint::Other("landmarks")),
    ("aux", NameHint::Other("auxiliary results")),
];

/// What the words of a name hint at. Words for other results count more: `class_embedding` is an embedding.
pub fn hint(name: &str) -> NameHint {
    let words = words(name);
    let begins = |with: &str| words.iter().any(|word| word.starts_with(with));
    let is_word = |short: &str| words.iter().any(|word| word == short);
    let short = |wanted: fn(&NameHint) -> bool| SHORT.into_iter().find(|(word, hint)| wanted(hint) && is_word(word));
    if let Some((_, what)) = OTHERS.into_iter().find(|(word, _)| begins(word)) {
        return NameHint::Other(what);
    }
    if let Some((_, hint)) = short(|hint| *hint != NameHint::Scores) {
        return hint;
    }
    let is_score = SCORES.into_iter().any(begins) || short(|hint| *hint == NameHint::Scores).is_some();
    if is_score { NameHint::Scores } else { NameHint::None }
}

/// The words of a name like `classLogits`, `class_logits` or `model/class-logits:0`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars() {
        if !letter.is_ascii_alphabetic() || letter.is_ascii_uppercase() && was_small {
            words.push(String::new());
        }
        was_small = letter.is_ascii_lowercase();
        if let Some(word) = words.last_mut().filter(|_| letter.is_ascii_alphabetic()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hint_at_scores_boxes_or_nothing() {
        for name in ["scores_out", "class_logits", "classLogits", "output_probability", "x/Softmax:0", "cls", "label"] {
            assert_eq!(hint(name), NameHint::Scores, "{name}");
        }
        for (name, what) in [
            ("bbox", "boxes"),
            ("pred_boxes", "boxes"),
            ("loc", "boxes"),
            ("class_embedding", "features"),
            ("imageEmbeds", "features"),
            ("aux_logits", "auxiliary results"),
        ] {
            assert_eq!(hint(name), NameHint::Other(what), "{name}");
        }
        for name in ["output", "495", "local_response", "region"] {
            assert_eq!(hint(name), NameHint::None, "{name}");
        }
    }
}
