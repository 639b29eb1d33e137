//! From tokens to an expression.

use super::lexer::{Lexer, Token};
use super::{Output, Step, Zdt, ZdtError};
use crate::vars::calendar::Field;
use crate::vars::date_format::Pattern;

const ENDS: &str = "format, get, getTime, getMillis, getNowMillis, getToday or StringToDateStr";

/// Reads what follows `${zdt`, up to and including its `}`; with the number of bytes read.
pub(in crate::vars) fn parse(text: &str) -> Result<(Zdt, usize), ZdtError> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
    };
    let mut steps = Vec::new();
    loop {
        match parser.lexer.next()? {
            (_, Token::Dot) => {}
            (at, Token::End) => {
                return error(at, format!("it has no value; end it with {ENDS}"));
            }
            (at, other) => return error(at, format!("expected \".\" and found {other}")),
        }
        match parser.call()? {
            Call::Step(step) => steps.push(step),
            Call::Output(output) => {
                return match parser.lexer.next()? {
                    (_, Token::End) => Ok((Zdt { steps, output }, parser.lexer.at)),
                    (at, other) => error(
                        at,
                        format!("nothing may follow the value; found {other}, expected \"}}\""),
                    ),
                };
            }
        }
    }
}

enum Call {
    Step(Step),
    Output(Output),
}

struct Parser<'a> {
    lexer: Lexer<'a>,
}

impl Parser<'_> {
    fn call(&mut self) -> Result<Call, ZdtError> {
        let (at, name) = match self.lexer.next()? {
            (at, Token::Name(name)) => (at, name),
            (at, other) => return error(at, format!("expected a method and found {other}")),
        };
        self.expect(&Token::Open)?;
        let call = match name.as_str() {
            "addDay" => Call::Step(Step::Add(Field::DayOfYear, self.number()?)),
            "add" => {
                let (field, amount) = self.field_and_number()?;
                Call::Step(Step::Add(field, amount))
            }
            "set" => {
                let (field, value) = self.field_and_number()?;
                Call::Step(Step::Set(field, value))
            }
            "get" => Call::Output(Output::Get(self.field()?)),
            "format" => Call::Output(Output::Format(self.pattern()?)),
            "getTime" => Call::Output(Output::Seconds),
            "getMillis" => Call::Output(Output::Millis),
            "getNowMillis" => Call::Output(Output::NowMillis),
            "getToday" => Call::Output(Output::Today),
            "StringToDateStr" => Call::Output(self.reformat()?),
            other => {
                return error(
                    at,
                    format!("there is no method \"{other}\"; use addDay, add, set, {ENDS}"),
                );
            }
        };
        self.expect(&Token::Close)?;
        Ok(call)
    }

    fn field_and_number(&mut self) -> Result<(Field, i32), ZdtError> {
        let field = self.field()?;
        self.expect(&Token::Comma)?;
        Ok((field, self.number()?))
    }

    fn reformat(&mut self) -> Result<Output, ZdtError> {
        let (_, text) = self.text()?;
        self.expect(&Token::Comma)?;
        let from = self.pattern()?;
        self.expect(&Token::Comma)?;
        let to = self.pattern()?;
        Ok(Output::Reformat { text, from, to })
    }

    fn field(&mut self) -> Result<Field, ZdtError> {
        let (at, number) = self.number_at()?;
        Field::from_number(number).ok_or_else(|| ZdtError {
            at,
            message: format!(
                "{number} is no field; use 1 year, 2 month (from 0), 3 week, 5 day, 7 day of week (1 = Sunday), 11 hour, 12 minute or 13 second"
            ),
        })
    }

    fn number(&mut self) -> Result<i32, ZdtError> {
        Ok(self.number_at()?.1)
    }

    fn number_at(&mut self) -> Result<(usize, i32), ZdtError> {
        match self.lexer.next()? {
            (at, Token::Number(number)) => Ok((at, number)),
            (at, other) => error(at, format!("expected a number and found {other}")),
        }
    }

    fn pattern(&mut self) -> Result<Pattern, ZdtError> {
        let (at, text) = self.text()?;
        Pattern::parse(&text).map_err(|message| ZdtError { at, message })
    }

    fn text(&mut self) -> Result<(usize, String), ZdtError> {
        match self.lexer.next()? {
            (at, Token::Text(text)) => Ok((at, text)),
            (at, other) => error(at, format!("expected a text in quotes and found {other}")),
        }
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), ZdtError> {
        match self.lexer.next()? {
            (_, token) if token == *wanted => Ok(()),
            (at, other) => error(at, format!("expected {wanted} and found {other}")),
        }
    }
}

fn error<T>(at: usize, message: String) -> Result<T, ZdtError> {
    Err(ZdtError { at, message })
}
