//! Which database, from any of the ways to write it.

use std::fmt;
use std::path::PathBuf;

/// The database of an installation.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file, for an installation on one machine.
    Sqlite(PathBuf),
    /// A MySQL or MariaDB server.
    Mysql {
        user: String,
        password: String,
        host: String,
        port: u16,
        database: String,
    },
}

impl Database {
    /// Reads `sqlite:///abs`, `sqlite://rel`, `mysql://user:pass@host:port/db` or a JDBC URL.
    /// User and password inside the URL win over those given beside it.
    pub(crate) fn parse(
        url: &str,
        user: Option<&str>,
        password: Option<&str>,
    ) -> Result<Self, String> {
        // HERA's file carries the ampersands as it would in XML.
        let url = url.trim().replace("&amp;", "&");
        let url = url.strip_prefix("jdbc:").unwrap_or(&url);
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err("a path after sqlite://, e.g. sqlite:///var/lib/hera/hera.db".into());
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let rest = url
            .strip_prefix("mysql://")
            .or_else(|| url.strip_prefix("mariadb://"))
            .ok_or("a URL that begins with sqlite://, mysql:// or jdbc:mysql://")?;
        mysql(rest, user, password)
    }

    /// The URL that the MySQL client library reads, with the password in it; `None` for SQLite.
    pub fn mysql_url(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Mysql {
                user,
                password,
                host,
                port,
                database,
            } => Some(format!(
                "mysql://{}:{}@{host}:{port}/{}",
                encode(user),
                encode(password),
                encode(database)
            )),
        }
    }
}

/// For people and logs: without the password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Mysql {
                user,
                password: _,
                host,
                port,
                database,
            } => write!(f, "mysql://{user}@{host}:{port}/{database}"),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address as anybody may see it, whether or not it can be read as one.
pub(crate) fn without_password(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    // The last @: a password that should have been escaped may hold one.
    let (mut out, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => {
            let user = credentials
                .split([':', '/', '?'])
                .next()
                .unwrap_or_default();
            let mask = if user.len() < credentials.len() {
                ":…"
            } else {
                ""
            };
            (format!("{scheme}{user}{mask}@"), rest)
        }
        None => (scheme, rest),
    };
    for parameter in rest.split_inclusive(['?', '&', ';']) {
        match parameter.split_once('=') {
            Some((name, value)) if name.to_ascii_lowercase().contains("password") => {
                let end = value.strip_prefix(value.trim_end_matches(['?', '&', ';']));
                out.push_str(&format!("{name}=…{}", end.unwrap_or_default()));
            }
            _ => out.push_str(parameter),
        }
    }
    out
}

fn mysql(rest: &str, user: Option<&str>, password: Option<&str>) -> Result<Database, String> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest
        .split_once('/')
        .ok_or("the name of the database after the host, e.g. mysql://localhost:3306/hera")?;
    if database.is_empty() || database.contains('/') {
        return Err("one database name after the host, e.g. mysql://localhost:3306/hera".into());
    }
    let (credentials, address) = match authority.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    };
    let (host, port) = host_port(address)?;
    let (mut in_url_user, mut in_url_password) = match credentials {
        Some(text) => {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            (Some(decode(user)?), Some(decode(password)?))
        }
        None => (None, None),
    };
    // JDBC's other way; every other parameter is about the Java driver.
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "user" => in_url_user = Some(decode(value)?),
            "password" => in_url_password = Some(decode(value)?),
            _ => {}
        }
    }
    let beside = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let user_is_in_url = in_url_user.is_some();
    Ok(Database::Mysql {
        user: in_url_user.unwrap_or_else(|| match user {
            Some(user) => user.to_owned(),
            None => "root".to_owned(),
        }),
        password: in_url_password.unwrap_or_else(|| {
            if user_is_in_url {
                String::new()
            } else {
                beside(password)
            }
        }),
        host,
        port,
        database: decode(database)?,
    })
}

fn host_port(address: &str) -> Result<(String, u16), String> {
    if address.contains(',') {
        return Err("one host (put a proxy before several)".into());
    }
    let (host, port) = match address.rsplit_once(':') {
        // An IPv6 address in brackets may end without a port.
        Some((host, port)) if !port.ends_with(']') => {
            let port = port
                .parse()
                .map_err(|_not_a_port| "a port number after the host")?;
            (host, port)
        }
        _ => (address, 3306),
    };
    if host.is_empty() {
        return Err("a host after mysql://".into());
    }
    Ok((host.to_owned(), port))
}

/// Writes `text` so that it survives inside a URL.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode(text: &str) -> Result<String, String> {
    let wrong = || "%XX escapes of UTF-8 in user, password and database".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(wrong());
        };
        bytes.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits fit a byte"));
    }
    String::from_utf8(bytes).map_err(|_not_utf8| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> String {
        let database = Database::parse(url, Some("u"), Some("p@ss")).unwrap();
        database.mysql_url().unwrap_or_else(|| database.to_string())
    }

    #[test]
    fn every_way_to_write_a_url_is_understood() {
        assert_eq!(read("sqlite:///var/hera.db"), "sqlite:///var/hera.db");
        assert_eq!(read("sqlite://data/hera.db"), "sqlite://data/hera.db");
        assert_eq!(
            read("jdbc:mysql://localhost:3306/hera?characterEncoding=utf-8&amp;autoReconnect=true"),
            "mysql://u:p%40ss@localhost:3306/hera"
        );
        assert_eq!(
            read("mysql://a%40b:c%3Ad@db/hera"),
            "mysql://a%40b:c%3Ad@db:3306/hera"
        );
        assert_eq!(
            read("jdbc:mysql://db/hera?user=x&password=y"),
            "mysql://x:y@db:3306/hera"
        );
        assert_eq!(read("mysql://x@db/hera"), "mysql://x:@db:3306/hera");
    }

    #[test]
    fn the_password_is_not_shown() {
        let database = Database::parse("mysql://x:y@db/hera", None, None).unwrap();
        assert_eq!(
            format!("{database} {database:?}"),
            "mysql://x@db:3306/hera mysql://x@db:3306/hera"
        );
    }

    #[test]
    fn whatever_is_written_as_an_address_hides_its_password() {
        for (url, shown) in [
            ("mysql://u:p@h/d", "mysql://u:…@h/d"),
            ("mysql://u:p?a@b/c@h/d", "mysql://u:…@h/d"),
            ("mysql://u@h/d", "mysql://u@h/d"),
            ("u:p@h", "u:…@h"),
            (
                "jdbc:mysql://h/d?user=u&amp;password=p&a=b",
                "jdbc:mysql://h/d?user=u&amp;password=…&a=b",
            ),
            (
                "jdbc:hive2://h:1/d;password=p;x=y",
                "jdbc:hive2://h:1/d;password=…;x=y",
            ),
            ("/var/lib/hera", "/var/lib/hera"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn what_is_no_database_says_what_is_expected() {
        for (url, expected) in [
            ("postgres://db/hera", "begins with"),
            ("mysql://db", "name of the database"),
            ("mysql://db:x/hera", "port number"),
            ("mysql://a,b/hera", "one host"),
            ("sqlite://", "a path"),
            ("mysql://u:%4@db/hera", "%XX"),
        ] {
            let message = Database::parse(url, None, None).unwrap_err();
            assert!(message.contains(expected), "{url}: {message}");
        }
    }
}
