//! Cuts text from outside, such as names in a file, to a length that an error can show.

use crate::prelude::*;

/// The text in at most so many bytes: of a longer one the middle is left out. Characters that a terminal would obey stand
/// as escapes.
pub(crate) fn brief(text: &str, most: usize) -> String {
    /// What stands for the middle takes less.
    const MARK: usize = 50;
    let (whole, read) = shown(text.chars(), most);
    if read == text.len() {
        return whole.concat();
    }
    let half = most.saturating_sub(MARK) / 2;
    let ((start, before), (mut end, behind)) = (shown(text.chars(), half), shown(text.chars().rev(), half));
    end.reverse();
    format!("{} … {} bytes left out … {}", start.concat(), text.len() - before - behind, end.concat())
}

/// So many problems are told of.
const MOST_PROBLEMS: usize = 12;

/// Of many problems the first and the last, each in at most so many bytes, and how many are left out between them.
pub(crate) fn first_and_last(problems: &[String], most: usize) -> Vec<String> {
    let brief = |problem: &String| brief(problem, most);
    let left_out = problems.len().saturating_sub(MOST_PROBLEMS);
    let first = if left_out > 0 { MOST_PROBLEMS / 2 } else { problems.len() };
    let (first, rest) = problems.split_at(first);
    let mut told: Vec<String> = first.iter().map(brief).collect();
    if left_out > 0 {
        told.push(format!("… {left_out} more …"));
        told.extend(rest[left_out..].iter().map(brief));
    }
    told
}

/// The first characters, as many as fit into so many bytes as they are shown, and how many bytes they have themselves.
fn shown(chars: impl Iterator<Item = char>, most: usize) -> (Vec<String>, usize) {
    let (mut shown, mut read, mut left) = (Vec::new(), 0, most);
    for c in chars {
        // Line and paragraph separators, and what turns the direction of writing.
        let obeyed = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let text = if obeyed { c.escape_debug().to_string() } else { c.to_string() };
        let Some(rest) = left.checked_sub(text.len()) else { break };
        (left, read) = (rest, read + c.len_utf8());
        shown.push(text);
    }
    (shown, read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_problems_the_first_and_the_last_are_told() {
        let told = |count: usize| {
            first_and_last(&(0..count).map(|i| i.to_string()).collect::<Vec<_>>(), 100).join(" ")
        };
        assert_eq!(told(0), "");
        assert_eq!(told(12), "0 1 2 3 4 5 6 7 8 9 10 11");
        assert_eq!(told(13), "0 1 2 3 4 5 … 1 more … 7 8 9 10 11 12");
        assert_eq!(told(1000), "0 1 2 3 4 5 … 988 more … 994 995 996 997 998 999");
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        assert_eq!(brief("short", 5), "short");
        let text = brief(&"0123456789".repeat(100), 100);
        assert_eq!(
            text,
            format!("{}01234 … 950 bytes left out … 56789{}", "0123456789".repeat(2), "0123456789".repeat(2))
        );
        for most in 50..300 {
            for c in ['x', 'é', '…', '𝄞', '\n', '\u{202e}'] {
                let text = brief(&c.to_string().repeat(1000), most);
                assert!(text.len() <= most && text.chars().all(|c| !c.is_control()), "{most}: {text}");
                // What has been shortened is short.
                assert_eq!(brief(&text, most), text);
            }
        }
        assert_eq!(brief("a\n\u{1b}[31m\u{202e}b\\n'\"größe", 100), "a\\n\\u{1b}[31m\\u{202e}b\\n'\"größe");
    }
}
