//! HERA's logs are HTML-ish; here they are text.

/// The longest log that is kept whole; of a longer one, beginning and end.
const KEEP: usize = 4 << 20;
/// The tags that HERA itself puts into a log. Anything else between angles is what a script said.
const TAGS: [&str; 8] = [
    "b", "/b", "font", "/font", "strong", "/strong", "span", "/span",
];

/// A log without HERA's tags, one line a line.
pub(super) fn plain(log: &str) -> String {
    let mut text = String::with_capacity(log.len());
    let mut rest = log;
    while let Some((before, tagged)) = rest.split_once('<') {
        text.push_str(before);
        match tagged.split_once('>') {
            Some((tag, after)) if is_break(tag) => {
                text.push('\n');
                rest = after;
            }
            Some((tag, after)) if is_ours(tag) => rest = after,
            Some(_) | None => {
                text.push('<');
                rest = tagged;
            }
        }
    }
    text.push_str(rest);
    shortened(text)
}

fn is_break(tag: &str) -> bool {
    matches!(tag.trim_end_matches('/').trim(), "br")
}

fn is_ours(tag: &str) -> bool {
    let name = tag.split_whitespace().next().unwrap_or_default();
    TAGS.contains(&name)
}

fn shortened(text: String) -> String {
    if text.len() <= KEEP {
        return text;
    }
    let head = text.floor_char_boundary(KEEP / 2);
    let tail = text.ceil_char_boundary(text.len() - KEEP / 2);
    let (head, tail) = (text.get(..head), text.get(tail..));
    format!(
        "{}\n… {} bytes of HERA's log are left out …\n{}",
        head.unwrap_or_default(),
        text.len() - KEEP,
        tail.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heras_tags_go_and_what_scripts_say_stays() {
        let log = "<b>CONSOLE#</b>a < b, <font style=\"color:red\">x <y@z></font><br>select 1 <> 2<br/>end";
        assert_eq!(plain(log), "CONSOLE#a < b, x <y@z>\nselect 1 <> 2\nend");
        assert_eq!(plain(""), "");
        assert_eq!(plain("<<br"), "<<br");
    }

    #[test]
    fn a_log_beyond_all_bounds_keeps_both_ends() {
        let log = format!("first{}last", "数".repeat(KEEP));
        let text = plain(&log);
        assert!(text.len() < KEEP + 100);
        assert!(text.starts_with("first") && text.ends_with("last"));
    }
}
