//! Parses lists of names as exporters write them into a model's metadata.

/// The names in a JSON or Python list (`['cat', 'dog']`) or dictionary by class id (`{0: 'cat',
/// "1": "dog"}`), in the order of their ids. `None` if the text is something else or an id is
/// missing.
pub fn names(text: &str) -> Option<Vec<String>> {
    let mut scan = Scan(text.trim());
    let (keyed, end) = match scan.next()? {
        '{' => (true, '}'),
        '[' => (false, ']'),
        _ => return None,
    };
    let mut items: Vec<(usize, String)> = Vec::new();
    while !scan.skip(end) {
        let id = if keyed { scan.id()? } else { items.len() };
        items.push((id, scan.text()?));
        if !scan.skip(',') {
            scan.skip(end).then_some(())?;
            break;
        }
    }
    items.sort_by_key(|(id, _)| *id);
    let complete = scan.0.is_empty() && items.iter().enumerate().all(|(index, (id, _))| index == *id);
    complete.then(|| items.into_iter().map(|(_, name)| name).collect())
}

/// The rest of the text to parse.
struct Scan<'a>(&'a str);

impl Scan<'_> {
    fn next(&mut self) -> Option<char> {
        let mut rest = self.0.chars();
        let first = rest.next()?;
        self.0 = rest.as_str();
        Some(first)
    }

    /// Skips white space and then `expected`, if it comes next.
    fn skip(&mut self, expected: char) -> bool {
        self.0 = self.0.trim_start();
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A key, quoted or not, and the colon after it.
    fn id(&mut self) -> Option<usize> {
        let (key, rest) = self.0.split_once(':')?;
        self.0 = rest;
        key.trim().trim_matches(['"', '\'']).parse().ok()
    }

    /// A quoted string with its escapes resolved.
    fn text(&mut self) -> Option<String> {
        self.0 = self.0.trim_start();
        let quote = self.next().filter(|quote| matches!(quote, '"' | '\''))?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '\\' => text.push(self.escape()?),
                end if end == quote => return Some(text),
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        match self.next()? {
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'x' => self.code(2),
            'u' => self.code(4),
            other => Some(other),
        }
    }

    /// The character with the code given by the next `digits` hexadecimal digits.
    fn code(&mut self, digits: usize) -> Option<char> {
        let (code, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        u32::from_str_radix(code, 16).ok().and_then(char::from_u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_and_dictionaries_of_json_and_python_are_read() {
        let expected = ["cat", "dog's", "a, \"b\": é"].map(str::to_owned).to_vec();
        for text in [
            r#"{0: 'cat', 1: "dog's", 2: 'a, "b": é'}"#,
            r#"{"2": "a, \"b\": \u00e9", "0": "cat", "1": "dog's"}"#,
            r#" ['cat', 'dog\'s', 'a, "b": \xe9',] "#,
            r#"["cat","dog's","a, \"b\": é"]"#,
        ] {
            assert_eq!(names(text).as_ref(), Some(&expected), "{text}");
        }
        assert_eq!(names("{}"), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn names_are_read_back_as_they_were_written(names in vec(any::<String>(), 0..5)) {
            let written = serde_json::to_string(&names).unwrap();
            prop_assert_eq!(super::names(&written), Some(names));
        }

        #[test]
        fn no_text_is_too_odd(text in r#"[\[{]([\[{}:,'"\\0-3xu a]|\PC){0,40}"#) {
            names(&text);
        }
    }

    #[test]
    fn anything_else_is_no_list_of_names() {
        for text in
            ["", "cat", "[", "{0: 'cat'", "{0: 'cat', 2: 'dog'}", "{0: 1}", "['cat' 'dog']", "['cat", r"['\u12", "[]x"]
        {
            assert_eq!(names(text), None, "{text}");
        }
    }
}
