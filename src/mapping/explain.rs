//! The texts of `forebay explain`: the sections of the pages in `docs/codes`.

use super::code::Code;

/// The pages of the docs, in the order of their codes; one text for both, so they cannot differ.
const PAGES: [&str; 5] = [
    include_str!("../../docs/codes/files.md"),
    include_str!("../../docs/codes/values.md"),
    include_str!("../../docs/codes/rules.md"),
    include_str!("../../docs/codes/online.md"),
    include_str!("../../docs/codes/running.md"),
];

/// What there is to say about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePage {
    /// The code.
    pub code: Code,
    /// A few words.
    pub title: &'static str,
    /// Markdown: what it means, why it matters, what to do, and an example.
    pub text: &'static str,
}

/// The page of a code, however it is written: `FB0101`, `fb0101`, `101`. None when there is no such code.
#[must_use]
pub fn explain(code: &str) -> Option<CodePage> {
    let number = code.trim().trim_start_matches(['f', 'F']).trim_start_matches(['b', 'B']);
    let number: u32 = number.parse().ok()?;
    codes().find(|page| page.code.as_str() == format!("FB{number:04}"))
}

/// The pages of all codes, in the order of their numbers.
pub fn codes() -> impl Iterator<Item = CodePage> {
    Code::ALL.iter().filter_map(|code| page(*code))
}

fn page(code: Code) -> Option<CodePage> {
    let heading = format!("\n## {code}: ");
    let rest = PAGES.iter().find_map(|page| Some(&page[page.find(&heading)? + heading.len()..]))?;
    let (title, rest) = rest.split_once('\n')?;
    let text = rest.split_once("\n## ").map_or(rest, |(text, _)| text);
    Some(CodePage { code, title, text: text.trim() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_whole_page() {
        for code in Code::ALL {
            let page = page(*code).unwrap_or_else(|| panic!("docs/codes has no section for {code}"));
            assert!((5..=90).contains(&page.title.len()), "{code}: {}", page.title);
            assert!(page.text.len() > 150, "{code} says too little: {}", page.text);
            assert!(
                page.text.contains("```") || code.as_str() < "FB0007" || code.as_str() >= "FB0500",
                "{code} has no example"
            );
            assert!(!page.text.contains("## FB"), "{code} runs into the next section");
        }
    }

    #[test]
    fn the_page_has_no_section_without_a_code() {
        let lines = PAGES.iter().flat_map(|page| page.lines());
        let headings: Vec<_> = lines.filter_map(|line| line.strip_prefix("## ")).collect();
        let known: Vec<_> = codes().map(|page| format!("{}: {}", page.code, page.title)).collect();
        assert_eq!(headings, known, "in the order of their numbers, each once");
    }

    #[test]
    fn finds_a_code_however_it_is_written() {
        for text in ["FB0101", "fb0101", " FB0101 ", "0101", "101"] {
            assert_eq!(explain(text).unwrap().code, Code::UnknownKey, "{text}");
        }
        for text in ["", "FB", "FB9999", "FB-1", "x"] {
            assert_eq!(explain(text), None, "{text}");
        }
    }
}
