//! Where a group or job stands: the names of the groups above it and its own.
//!
//! That path is what makes a job the same job in every installation: ids differ between them.

use std::fmt;

/// Names from below the root on; the root's own path is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::cli) struct TreePath(Vec<String>);

impl TreePath {
    pub(in crate::cli) fn child(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.to_owned());
        Self(names)
    }

    /// The path above; nothing for the root.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// The own name; empty for the root.
    pub(in crate::cli) fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// Whether this path is the other one or above it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Reads what [`fmt::Display`] writes; nothing if there is no slash at the beginning.
    pub(in crate::cli) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('/')?;
        if rest.is_empty() {
            return Some(Self::default());
        }
        let mut names = vec![String::new()];
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            let name = names.last_mut()?;
            match c {
                '/' => names.push(String::new()),
                '\\' => name.push(chars.next()?),
                c => name.push(c),
            }
        }
        Some(Self(names))
    }
}

/// `/group/group/job`; a slash within a name is written `\/`.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        for name in &self.0 {
            let name = name.replace('\\', "\\\\").replace('/', "\\/");
            write!(f, "/{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_know_what_is_above_and_below() {
        let path = TreePath::parse("/数仓/a\\/b/orders").unwrap();
        assert_eq!(path.name(), "orders");
        assert_eq!(path.parent().unwrap().name(), "a/b");
        assert!(TreePath::default().holds(&path));
        assert!(path.parent().unwrap().holds(&path));
        assert!(!path.holds(&TreePath::parse("/数仓/a\\/b/orders2").unwrap()));
        assert_eq!(TreePath::parse("orders"), None);
    }

    proptest! {
        #[test]
        fn any_names_make_a_path_that_is_read_again(names in prop::collection::vec("[/\\\\a名 ]{1,5}", 0..4)) {
            let path = TreePath(names);
            prop_assert_eq!(TreePath::parse(&path.to_string()), Some(path));
        }
    }
}
