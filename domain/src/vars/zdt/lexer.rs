//! From text to tokens.

use super::ZdtError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Dot,
    Open,
    Close,
    Comma,
    /// `}`, where the expression ends.
    End,
    Name(String),
    Number(i32),
    Text(String),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dot => f.write_str("\".\""),
            Self::Open => f.write_str("\"(\""),
            Self::Close => f.write_str("\")\""),
            Self::Comma => f.write_str("\",\""),
            Self::End => f.write_str("\"}\""),
            Self::Name(name) => write!(f, "\"{name}\""),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "\"{text}\""),
        }
    }
}

/// Takes tokens off the front of a text.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Bytes that were taken.
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token and where it starts.
    pub(super) fn next(&mut self) -> Result<(usize, Token), ZdtError> {
        let rest = self.rest().trim_start();
        self.at = self.text.len() - rest.len();
        let start = self.at;
        let token = match rest.chars().next() {
            None => return Err(self.error("it is not closed; add \"}\"")),
            Some('.') => self.single(Token::Dot),
            Some('(') => self.single(Token::Open),
            Some(')') => self.single(Token::Close),
            Some(',') => self.single(Token::Comma),
            Some('}') => self.single(Token::End),
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            Some(c) if c.is_ascii_digit() || c == '-' || c == '+' => self.number()?,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.take(|c| c.is_ascii_alphanumeric() || c == '_');
                Token::Name(name.to_owned())
            }
            Some(c) => {
                let c = c.escape_debug();
                return Err(self.error(&format!("\"{c}\" cannot stand here; remove it")));
            }
        };
        Ok((start, token))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn single(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn quoted(&mut self, quote: char) -> Result<Token, ZdtError> {
        let inner = self.rest().get(1..).unwrap_or_default();
        match inner.find([quote, '\n']) {
            Some(end) if inner.get(end..).is_some_and(|rest| rest.starts_with(quote)) => {
                self.at += end + 2;
                Ok(Token::Text(inner.get(..end).unwrap_or_default().to_owned()))
            }
            Some(_) | None => Err(self.error(&format!("the text is not closed; add {quote}"))),
        }
    }

    fn number(&mut self) -> Result<Token, ZdtError> {
        let start = self.at;
        let sign = self.take(|c| c == '-' || c == '+');
        let digits = self.take(|c| c.is_ascii_digit());
        let written = format!("{sign}{digits}");
        written
            .parse()
            .map(Token::Number)
            .map_err(|_no_number| ZdtError {
                at: start,
                message: format!("{written} is no whole number of 32 bits"),
            })
    }

    fn error(&self, message: &str) -> ZdtError {
        ZdtError {
            at: self.at,
            message: message.to_owned(),
        }
    }
}
