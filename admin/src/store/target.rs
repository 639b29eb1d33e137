//! Which database an address names.

use std::path::{Path, PathBuf};

use url::Url;

use super::StoreError;

/// A database, ready to connect to.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Target {
    Sqlite { file: PathBuf },
    Mysql { url: Url },
}

impl Target {
    /// Reads `sqlite:///abs`, `sqlite://rel`, `mysql://user:pass@host:port/db` or its JDBC form.
    /// A user and password given apart fill in what the address leaves out.
    pub(super) fn parse(
        text: &str,
        user: Option<&str>,
        password: Option<&str>,
    ) -> Result<Self, StoreError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" | "/" => Err(wrong(text, "it names no file")),
                path => Ok(Self::Sqlite { file: path.into() }),
            };
        }
        let text = text.strip_prefix("jdbc:").unwrap_or(text);
        let mut url = Url::parse(text).map_err(|error| wrong("it", &error.to_string()))?;
        if !matches!(url.scheme(), "mysql" | "mariadb") {
            return Err(wrong(
                "it",
                &format!("{} is neither sqlite nor mysql", url.scheme()),
            ));
        }
        let database = url.path().trim_matches('/').to_owned();
        if url.host_str().is_none_or(str::is_empty) || database.is_empty() {
            return Err(wrong(&shown(&url), "it must name a host and a database"));
        }
        let cannot = |()| wrong("it", "it cannot carry a user");
        if url.username().is_empty() {
            url.set_username(user.unwrap_or("root")).map_err(cannot)?;
        }
        if url.password().is_none() {
            url.set_password(password).map_err(cannot)?;
        }
        // JDBC's parameters mean nothing to the C library; ours are set on every connection.
        url.set_query(None);
        // libmariadb takes "localhost" for a socket file; an address with a host means TCP.
        if url.host_str() == Some("localhost") {
            url.set_host(Some("127.0.0.1"))
                .map_err(|error| wrong("it", &error.to_string()))?;
        }
        Ok(Self::Mysql { url })
    }

    /// The SQLite file, if it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite { file } => Some(file),
            Self::Mysql { .. } => None,
        }
    }

    /// Host, port and name of a MySQL database.
    pub(super) fn place(&self) -> Option<String> {
        let Self::Mysql { url } = self else {
            return None;
        };
        let (host, port) = (
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(3306),
        );
        Some(format!("{host}:{port}/{}", url.path().trim_matches('/')))
    }

    /// The file of run logs beside a SQLite database; MySQL keeps them in the database.
    pub(super) fn logs(&self) -> Self {
        match self {
            Self::Sqlite { file } => Self::Sqlite {
                file: beside(file, "-logs"),
            },
            Self::Mysql { .. } => self.clone(),
        }
    }

    /// The address as libmariadb's binding reads it.
    pub(super) fn mysql_url(url: &Url) -> String {
        let mut url = url.clone();
        // Diesel knows only this word.
        if url.scheme() != "mysql" {
            let text = url.as_str().replacen("mariadb://", "mysql://", 1);
            if let Ok(renamed) = Url::parse(&text) {
                url = renamed;
            }
        }
        url.into()
    }
}

/// `file` with something appended to its name.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn wrong(url: &str, reason: &str) -> StoreError {
    StoreError::Url {
        url: url.to_owned(),
        reason: reason.to_owned(),
    }
}

fn shown(url: &Url) -> String {
    let port = url.port().unwrap_or(3306);
    format!(
        "MySQL at {}:{port}, database {}, user {}",
        url.host_str().unwrap_or_default(),
        url.path().trim_matches('/'),
        url.username()
    )
}

/// For messages: never the password.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite { file } => write!(f, "the SQLite file {}", file.display()),
            Self::Mysql { url } => f.write_str(&shown(url)),
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_of(text: &str, user: Option<&str>, password: Option<&str>) -> String {
        Target::parse(text, user, password).unwrap().to_string()
    }

    #[test]
    fn an_absolute_and_a_relative_file_are_told_apart() {
        assert_eq!(
            shown_of("sqlite:///data/hera.db", None, None),
            "the SQLite file /data/hera.db"
        );
        assert_eq!(
            shown_of("sqlite://data/hera.db", None, None),
            "the SQLite file data/hera.db"
        );
    }

    #[test]
    fn hera_s_jdbc_address_takes_user_and_password_from_beside_it() {
        let text = "jdbc:mysql://localhost:3307/hera?useUnicode=true&characterEncoding=UTF-8";
        let Target::Mysql { url } = Target::parse(text, Some("lin"), Some("p@ss/wörd")).unwrap()
        else {
            panic!("not MySQL");
        };
        assert_eq!(
            Target::mysql_url(&url),
            "mysql://lin:p%40ss%2Fw%C3%B6rd@127.0.0.1:3307/hera"
        );
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = shown_of("mysql://lin:secret@db.example/hera", None, None);
        assert_eq!(shown, "MySQL at db.example:3306, database hera, user lin");
        let error = Target::parse("mysql://lin:secret@db.example", None, None).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        let error = Target::parse("postgres://lin:secret@h/d", None, None).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn an_address_without_file_or_database_is_refused() {
        for text in ["sqlite://", "mysql://h", "hera.db", ""] {
            assert!(Target::parse(text, None, None).is_err(), "{text}");
        }
    }
}
