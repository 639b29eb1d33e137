//! Covers the secrets of a run in its log, byte for byte, so that every offset stays.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// What is shorter stands in every log by chance: covering it would tell it by where it is missing.
const SHORTEST: usize = 4;

/// What is read of a log at once.
const WINDOW: usize = 1 << 20;

/// What must not be read in the log of a run.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    texts: Vec<String>,
    /// Finds all of them in one pass, whatever they look like: a team chooses its secrets.
    finder: Option<AhoCorasick>,
    /// Nobody knows what: all of it.
    everything: bool,
}

impl Masks {
    /// Of these secrets. One of several lines, such as a key, is often printed line by line.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let lines = secrets.into_iter().flat_map(str::lines).map(str::trim);
        let long = lines.filter(|line| line.len() >= SHORTEST);
        let mut texts: Vec<_> = long.map(str::to_owned).collect();
        texts.sort_unstable();
        texts.dedup();
        let kind = AhoCorasickKind::NoncontiguousNFA;
        let finder = AhoCorasick::builder().kind(Some(kind)).build(&texts);
        Self {
            texts,
            // More than it can hold: then nothing may be read.
            everything: finder.is_err(),
            finder: finder.ok(),
        }
    }

    pub(crate) fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// How far beside a byte it is decided whether it is covered.
    pub(crate) fn reach(&self) -> usize {
        let longest = self.texts.iter().map(String::len).max();
        longest.map_or(0, |longest| longest - 1)
    }

    /// Covers what stands whole in `bytes`.
    pub(crate) fn cover(&self, bytes: &mut [u8]) {
        for span in self.spans(bytes) {
            bytes.get_mut(span).unwrap_or_default().fill(b'*');
        }
    }

    /// How many bytes at the end of a log that still grows may turn out to begin a secret.
    pub(crate) fn undecided(&self, end: &[u8]) -> usize {
        let begun = |text: &String| {
            let text = text.as_bytes();
            let begins = |len: &usize| text.get(..*len).is_some_and(|start| end.ends_with(start));
            (1..text.len()).rev().find(begins)
        };
        self.texts.iter().filter_map(begun).max().unwrap_or(0)
    }

    /// A part of a log, covered.
    pub(crate) fn read(&self, log: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let before = self
            .reach()
            .min(usize::try_from(offset).unwrap_or(usize::MAX));
        let mut data = vec![0; before + len];
        let start = offset - before as u64;
        log.read_exact_at(&mut data, start)?;
        let mut after = vec![0; self.reach()];
        let there = read_up_to(log, &mut after, start + data.len() as u64)?;
        data.extend(after.get(..there).unwrap_or_default());
        self.cover(&mut data);
        data.truncate(before + len);
        Ok(data.split_off(before))
    }

    /// Covers a part of a log where it lies; what reaches out of the part is covered as far.
    pub(crate) fn cover_file(&self, log: &File, part: Range<u64>) -> io::Result<()> {
        let reach = self.reach();
        let mut window = vec![0; WINDOW + reach];
        let mut start = part.start.saturating_sub(reach as u64);
        while start < part.end {
            let len = read_up_to(log, &mut window, start)?;
            for span in self.spans(window.get(..len).unwrap_or_default()) {
                log.write_all_at(&vec![b'*'; span.len()], start + span.start as u64)?;
            }
            if len <= reach {
                break;
            }
            start += (len - reach) as u64;
        }
        Ok(())
    }

    /// Where secrets stand, from the first to the last; those that touch are one.
    fn spans(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        if self.everything {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            let mut end = 0;
            let span = |line: &[u8]| {
                let start = end;
                end += line.len();
                start..end - usize::from(line.ends_with(b"\n"))
            };
            return lines.map(span).collect();
        }
        let mut merged: Vec<Range<usize>> = Vec::new();
        let finder = self.finder.iter();
        // By their ends; one may begin inside another.
        for found in finder.flat_map(|finder| finder.find_overlapping_iter(bytes)) {
            let mut span = found.range();
            while let Some(last) = merged.pop_if(|last| span.start <= last.end) {
                span.start = span.start.min(last.start);
            }
            merged.push(span);
        }
        merged
    }
}

/// As much as there is.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn covered(secrets: &[&str], text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        Masks::of(secrets.iter().copied()).cover(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn secrets_are_covered_whole_wherever_they_overlap() {
        assert_eq!(covered(&["hunter2"], "a hunter2, b"), "a *******, b");
        assert_eq!(covered(&["abcd", "cdef"], "abcdef abcd"), "****** ****");
        assert_eq!(covered(&["xxxx"], "xxxxxx"), "******");
        assert_eq!(covered(&["密码"], "是密码吗"), "是******吗");
    }

    /// Else one team's secret would hold up the logs of all.
    #[test]
    fn a_long_secret_that_repeats_itself_is_covered_in_one_pass() {
        let secret = "a".repeat(64 << 10);
        let mut log = "a".repeat(1 << 20).into_bytes();
        Masks::of([secret.as_str()]).cover(&mut log);
        assert!(log.iter().all(|byte| *byte == b'*'));
    }

    #[test]
    fn a_key_of_lines_is_covered_line_by_line_and_what_is_short_is_not() {
        let key = "-----BEGIN\r\n  first line\nlast\n}\n";
        assert_eq!(covered(&[key], "at 1:  first line}"), "at 1:  **********}");
        assert_eq!(covered(&["abc", ""], "abc"), "abc");
    }

    #[test]
    fn every_cut_of_a_log_is_covered_alike() {
        let secrets = ["hunter2", "two words"];
        let text = "hunter2hunter2 two words hunter two wordshunter2";
        let expected = covered(&secrets, text);
        let masks = Masks::of(secrets);
        let mut log = tempfile::tempfile().unwrap();
        log.write_all(text.as_bytes()).unwrap();
        for start in 0..=text.len() {
            for end in start..=text.len() {
                let part = masks.read(&log, start as u64, end - start).unwrap();
                assert_eq!(part, expected.as_bytes()[start..end]);
            }
        }
    }

    #[test]
    fn what_may_begin_a_secret_waits_for_its_end() {
        let masks = Masks::of(["hunter2", "hut"]);
        for (end, undecided) in [("", 0), ("x", 0), ("a h", 1), ("hunter", 6), ("hunter2", 0)] {
            assert_eq!(masks.undecided(end.as_bytes()), undecided, "{end}");
        }
        // What is sent before the end is what the whole log says.
        let text = b"the hunter2 huntehunter2";
        let covered = |size| {
            let mut bytes = text[..size].to_vec();
            masks.cover(&mut bytes);
            bytes
        };
        for size in 0..text.len() {
            let sent = size - masks.undecided(&text[..size]);
            assert_eq!(covered(size)[..sent], covered(text.len())[..sent]);
        }
    }

    #[test]
    fn a_log_is_covered_where_it_lies_over_the_edges_of_what_is_read_at_once() {
        let masks = Masks::of(["hunter2"]);
        let mut log = tempfile::tempfile().unwrap();
        let mut text = "-".repeat(3 * WINDOW);
        for at in [0, WINDOW - 3, 2 * WINDOW, 2 * WINDOW + 7, 3 * WINDOW - 7] {
            text.replace_range(at..at + 7, "hunter2");
        }
        log.write_all(text.as_bytes()).unwrap();
        masks.cover_file(&log, 0..text.len() as u64).unwrap();
        let read = masks.read(&log, 0, text.len()).unwrap();
        let mut raw = vec![0; text.len()];
        log.read_exact_at(&mut raw, 0).unwrap();
        assert!(raw == read && raw == text.replace("hunter2", "*******").as_bytes());
    }

    #[test]
    fn a_list_that_cannot_be_read_covers_all_but_the_lines() {
        let mut bytes = b"one\n\ntwo".to_vec();
        Masks::everything().cover(&mut bytes);
        assert_eq!(bytes, b"***\n\n***");
    }
}
