//! Splits Rust source into the tokens that paths are made of.
//!
//! In: the text of a file. Out: words, strings and punctuation, without comments and without test code.
//! Never: parses an expression; it only knows enough to find `use`, `mod` and paths.

/// A piece of source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword.
    Word(String),
    /// The content of a string literal.
    Text(String),
    /// `::`.
    PathSeparator,
    /// Any other character that stands for itself.
    Mark(char),
}

impl Token {
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        *self == Self::Mark(mark)
    }
}

/// The tokens of a file. Items under `#[cfg(test)]` are left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    without_tests(&split(text))
}

fn split(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut found = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        let c = chars[index];
        index = match c {
            _ if c.is_whitespace() => index + 1,
            '/' if at(index + 1) == '/' => end_of_line(&chars, index),
            '/' if at(index + 1) == '*' => end_of_comment(&chars, index),
            'r' if is_raw_string(&chars, index + 1) => raw_string(&chars, index + 1, &mut found),
            'b' if at(index + 1) == 'r' && is_raw_string(&chars, index + 2) => {
                raw_string(&chars, index + 2, &mut found)
            }
            'b' | 'c' if at(index + 1) == '"' => string(&chars, index + 1, &mut found),
            '"' => string(&chars, index, &mut found),
            '\'' => end_of_char_or_lifetime(&chars, index),
            ':' if at(index + 1) == ':' => {
                found.push(Token::PathSeparator);
                index + 2
            }
            _ if c.is_alphanumeric() || c == '_' => {
                let end = (index..chars.len()).find(|&i| !chars[i].is_alphanumeric() && chars[i] != '_');
                let end = end.unwrap_or(chars.len());
                found.push(Token::Word(chars[index..end].iter().collect()));
                end
            }
            _ => {
                found.push(Token::Mark(c));
                index + 1
            }
        };
    }
    found
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|&index| chars[index] == '\n').unwrap_or(chars.len())
}

fn end_of_comment(chars: &[char], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = from;
    while index + 1 < chars.len() {
        match (chars[index], chars[index + 1]) {
            ('/', '*') => (depth, index) = (depth + 1, index + 2),
            ('*', '/') if depth == 1 => return index + 2,
            ('*', '/') => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
    }
    chars.len()
}

fn is_raw_string(chars: &[char], from: usize) -> bool {
    chars.get(from..).is_some_and(|rest| rest.iter().find(|&&c| c != '#') == Some(&'"'))
}

fn raw_string(chars: &[char], from: usize, found: &mut Vec<Token>) -> usize {
    let hashes = chars[from..].iter().take_while(|&&c| c == '#').count();
    let start = from + hashes + 1;
    let is_end = |&index: &usize| {
        chars[index] == '"' && chars[index + 1..].iter().take_while(|&&c| c == '#').count() >= hashes
    };
    let end = (start..chars.len()).find(is_end).unwrap_or(chars.len());
    found.push(Token::Text(chars[start..end].iter().collect()));
    end + 1 + hashes
}

fn string(chars: &[char], from: usize, found: &mut Vec<Token>) -> usize {
    let mut end = from + 1;
    while end < chars.len() && chars[end] != '"' {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    found.push(Token::Text(chars[from + 1..end.min(chars.len())].iter().collect()));
    end + 1
}

fn end_of_char_or_lifetime(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => {
            let end = (from + 3..chars.len()).find(|&index| chars[index] == '\'');
            end.map_or(chars.len(), |end| end + 1)
        }
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}

/// Leaves out every item that is compiled for tests only.
fn without_tests(all: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut index = 0;
    while index < all.len() {
        if is_test_attribute(&all[index..]) {
            index = end_of_item(all, index);
        } else {
            kept.push(all[index].clone());
            index += 1;
        }
    }
    kept
}

fn is_test_attribute(tokens: &[Token]) -> bool {
    let words = |index: usize, word: &str| tokens.get(index).is_some_and(|token| token.is_word(word));
    tokens.first().is_some_and(|token| token.is_mark('#'))
        && words(2, "cfg")
        && words(4, "test")
        && tokens.get(5).is_some_and(|token| token.is_mark(')'))
}

/// Where the item ends whose attributes begin here: after its `;`, or after its closing brace.
fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token {
            Token::Mark('{' | '(' | '[') => depth += 1,
            Token::Mark(')' | ']') => depth = depth.saturating_sub(1),
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                // The braces of a `use` are followed by its semicolon.
                let goes_on = tokens.get(index + 1).is_some_and(|next| next.is_mark(';'));
                if depth == 0 && !goes_on {
                    return index + 1;
                }
            }
            Token::Mark(';') if depth == 0 => return index + 1,
            Token::Mark(_) | Token::Word(_) | Token::Text(_) | Token::PathSeparator => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    fn words(text: &str) -> Vec<String> {
        let word = |token| match token {
            Token::Word(word) => Some(word),
            Token::Text(_) | Token::PathSeparator | Token::Mark(_) => None,
        };
        tokens(text).into_iter().filter_map(word).collect()
    }

    #[test]
    fn comments_strings_and_lifetimes_are_no_words() {
        let text = "// a\n/* b /* c */ d */ e \"f \\\" g\" r#\"h \" i\"# 'j' '\\'' fn k<'l>(m: &'static n)";
        assert_eq!(words(text), ["e", "fn", "k", "l", "m", "static", "n"]);
    }

    #[test]
    fn test_code_is_left_out_and_what_follows_it_is_not() {
        let text = "a; #[cfg(test)] mod tests { fn b() { [1; 2]; } } c; #[cfg(test)] use d::{e, f}; g;
                    #[cfg(test)] #[path = \"x.rs\"] mod h; i;";
        assert_eq!(words(text), ["a", "c", "g", "i"]);
    }
}
